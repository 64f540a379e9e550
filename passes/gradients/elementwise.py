"""Derivatives of elementwise ops. Where the result serves as well as the operand, the rule reads
the result: it is what the next layer keeps alive anyway.

Where a function has a kink, the subgradient is PyTorch's; each such rule says which.
"""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import is_complex, shape_of, type_of
from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import is_infinite, is_made_by, splat_of
from pock_mlir.passes.gradients.registry import Cotangents, gradient, no_gradient
from pock_mlir.passes.gradients.softmax import softmax_of

no_gradient(
    "arith.constant",
    "stablehlo.and",
    "stablehlo.bitcast_convert",
    "stablehlo.ceil",
    "stablehlo.compare",
    "stablehlo.constant",
    "stablehlo.count_leading_zeros",
    "stablehlo.floor",
    "stablehlo.iota",
    "stablehlo.is_finite",
    "stablehlo.not",
    "stablehlo.or",
    "stablehlo.popcnt",
    "stablehlo.round_nearest_afz",
    "stablehlo.round_nearest_even",
    "stablehlo.shift_left",
    "stablehlo.shift_right_arithmetic",
    "stablehlo.shift_right_logical",
    "stablehlo.xor",
)


# ---- arithmetic ----------------------------------------------------------------------------


@gradient("stablehlo.add")
def add(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = x + y;  dx = dz, dy = dz"""
    return dy, dy


@gradient("stablehlo.subtract")
def subtract(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = x - y;  dx = dz, dy = -dz"""
    return dy, b.negate(dy)


@gradient("stablehlo.multiply")
def multiply(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = x * y;  dx = dz * y, dy = dz * x;  of a square, dx = 2 * dz * x"""
    x, y = op.operands
    if x == y:
        return b.multiply(b.multiply(dy, b.full_like(dy, 2)), x), None
    return b.multiply(dy, y), b.multiply(dy, x)


@gradient("stablehlo.divide")
def divide(b: GradientBuilder, op: Any, dz: Value) -> Cotangents | dict[Value, Value]:
    """z = x / y;  dx = dz / y, dy = -dz / y * z;  of a softmax, dx = z * (dz - sum(dz * z))

    A softmax is differentiated as a whole, so that it keeps its result only, no exponentials.
    """
    found = softmax_of(b, op)
    if found is not None:
        x, dimensions = found
        return {x: _of_softmax(b, op.result, dz, dimensions)}
    dx = b.divide(dz, op.operands[1])
    return dx, b.negate(b.multiply(dx, op.result))


def _of_softmax(b: GradientBuilder, y: Value, dy: Value, dimensions: list[int]) -> Value:
    shape = shape_of(y)
    total = b.reduce_add(b.multiply(dy, y), dimensions)
    kept = [i for i in range(len(shape)) if i not in dimensions]
    return b.multiply(y, b.subtract(dy, b.broadcast_in_dim(total, shape, kept)))


@gradient("stablehlo.negate")
def negate(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = -x;  dx = -dy"""
    return (b.negate(dy),)


@gradient("stablehlo.power")
def power(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = x ** n;  dx = dz * n * x ** (n - 1), dn = dz * z * log(x)

    As in PyTorch, dx is 0 where n is 0, and dn is 0 where x is 0 and n is not negative.
    """
    x, n = op.operands
    return _power_base(b, x, n, dy), _power_exponent(b, op, dy)


def _power_base(b: GradientBuilder, x: Value, n: Value, dy: Value) -> Value:
    exponent = splat_of(n)
    if exponent is None:
        lower = b.power(x, b.subtract(n, b.ones_like(n)))
        slope = b.multiply(n, lower)
        return b.multiply(dy, b.select(b.compare("EQ", n, b.zeros_like(n)), b.zeros_like(n), slope))
    scaled = b.multiply(dy, b.full_like(dy, exponent))
    if exponent == 2:
        return b.multiply(scaled, x)
    if exponent == 3:
        return b.multiply(scaled, b.multiply(x, x))
    return b.multiply(scaled, b.power(x, b.full_like(x, exponent - 1)))


def _power_exponent(b: GradientBuilder, op: Any, dy: Value) -> Value | None:
    x, n = op.operands
    if not b.is_active(n):
        return None
    zero = b.zeros_like(x)
    flat = b.compare("EQ", x, zero)
    if not is_complex(n):
        flat = b.logical_and(flat, b.compare("GE", n, zero))
    return b.multiply(dy, b.select(flat, zero, b.multiply(op.result, b.log(x))))


@gradient("stablehlo.remainder")
def remainder(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = x - y * trunc(x / y);  dx = dz, dy = -dz * trunc(x / y)"""
    x, y = op.operands
    if not b.is_active(y):
        return dy, None
    quotient = b.divide(b.subtract(x, op.result), y)
    whole = b.create("stablehlo.round_nearest_even", [quotient], [quotient.type]).results[0]
    return dy, b.negate(b.multiply(dy, whole))


@gradient("stablehlo.atan2")
def atan2(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = atan2(y, x);  dy = dz * x / (x*x + y*y), dx = -dz * y / (x*x + y*y)"""
    y, x = op.operands
    scaled = b.divide(dy, b.add(b.multiply(x, x), b.multiply(y, y)))
    return b.multiply(scaled, x), b.negate(b.multiply(scaled, y))


# ---- one operand ---------------------------------------------------------------------------


@gradient("stablehlo.exponential")
def exponential(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = exp(x);  dx = dy * y"""
    return (b.multiply(dy, op.result),)


@gradient("stablehlo.exponential_minus_one")
def exponential_minus_one(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = exp(x) - 1;  dx = dy * (y + 1)"""
    y = op.result
    return (b.multiply(dy, b.add(y, b.ones_like(y))),)


@gradient("stablehlo.log")
def log(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = log(x);  dx = dy / x"""
    return (b.divide(dy, op.operands[0]),)


@gradient("stablehlo.log_plus_one")
def log_plus_one(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = log(1 + x);  dx = dy / (1 + x)"""
    x = op.operands[0]
    return (b.divide(dy, b.add(x, b.ones_like(x))),)


@gradient("stablehlo.logistic")
def logistic(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = 1 / (1 + exp(-x));  dx = dy * y * (1 - y)"""
    y = op.result
    return (b.multiply(dy, b.multiply(y, b.subtract(b.ones_like(y), y))),)


@gradient("stablehlo.tanh")
def tanh(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = tanh(x);  dx = dy * (1 - y*y)"""
    y = op.result
    return (b.multiply(dy, b.subtract(b.ones_like(y), b.multiply(y, y))),)


@gradient("stablehlo.sqrt")
def sqrt(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = sqrt(x);  dx = dy / (2 * y)"""
    y = op.result
    return (b.divide(dy, b.add(y, y)),)


@gradient("stablehlo.rsqrt")
def rsqrt(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x ** -1/2;  dx = -1/2 * dy * y ** 3"""
    y = op.result
    cube = b.multiply(y, b.multiply(y, y))
    return (b.multiply(dy, b.multiply(b.full_like(y, -0.5), cube)),)


@gradient("stablehlo.cbrt")
def cbrt(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x ** 1/3;  dx = dy / (3 * y*y)"""
    y = op.result
    return (b.divide(dy, b.multiply(b.full_like(y, 3), b.multiply(y, y))),)


@gradient("stablehlo.sine")
def sine(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = sin(x);  dx = dy * cos(x)"""
    return (b.multiply(dy, b.cosine(op.operands[0])),)


@gradient("stablehlo.cosine")
def cosine(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = cos(x);  dx = -dy * sin(x)"""
    return (b.negate(b.multiply(dy, b.sine(op.operands[0]))),)


@gradient("stablehlo.tan")
def tan(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = tan(x);  dx = dy * (1 + y*y)"""
    y = op.result
    return (b.multiply(dy, b.add(b.ones_like(y), b.multiply(y, y))),)


@gradient("stablehlo.abs")
def absolute(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = |x|;  dx = dy * sign(x), 0 at 0 as in PyTorch;  of a complex x, dx = dy * conj(x) / y"""
    x = op.operands[0]
    if is_complex(x):
        return (_along(b, b.divide(dy, _nonzero(b, op.result)), b.conjugate(x)),)
    return (b.multiply(dy, b.sign(x)),)


@gradient("stablehlo.sign")
def sign(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x / |x|;  dx = (dy - real(dy * y) * conj(y)) / |x|, which is 0 of a real x"""
    x, y = op.operands[0], op.result
    if not is_complex(x):
        return (None,)
    inward = _along(b, b.real(b.multiply(dy, y)), b.conjugate(y))
    size = b.create("stablehlo.abs", [x], [b.real(x).type]).results[0]
    inverse = b.divide(b.ones_like(size), _nonzero(b, size))
    return (_along(b, inverse, b.subtract(dy, inward)),)


def _along(b: GradientBuilder, factor: Value, z: Value) -> Value:
    """A complex number times a real factor."""
    return b.multiply(b.complex(factor, b.zeros_like(factor)), z)


def _nonzero(b: GradientBuilder, x: Value) -> Value:
    return b.select(b.compare("EQ", x, b.zeros_like(x)), b.ones_like(x), x)


# ---- kinks ---------------------------------------------------------------------------------


@gradient("stablehlo.maximum")
def maximum(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = max(x, y);  the gradient goes to the greater operand

    Against an operand that is not trained it flows only where x > y, so that relu'(0) = 0 and
    relu6'(0) = 0 (PyTorch's relu and hardtanh). Where two trained operands are equal each gets half
    of it (PyTorch's maximum).
    """
    return _extremum(b, op, dy, "GT")


@gradient("stablehlo.minimum")
def minimum(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = min(x, y);  the gradient goes to the smaller operand

    Against an operand that is not trained it flows only where x < y, so that relu6'(6) = 0
    (PyTorch's hardtanh). Where two trained operands are equal each gets half of it.
    """
    return _extremum(b, op, dy, "LT")


def _extremum(b: GradientBuilder, op: Any, dy: Value, direction: str) -> Cotangents:
    x, y = op.operands
    if b.is_active(x) and b.is_active(y):
        return _shared(b, dy, direction, x, y), _shared(b, dy, direction, y, x)
    bound = y if b.is_active(x) else x
    dx = b.select(b.compare(direction, _alive(b, op, bound), bound), dy, b.zeros_like(dy))
    return (dx, None) if b.is_active(x) else (None, dx)


def _shared(b: GradientBuilder, dy: Value, direction: str, x: Value, y: Value) -> Value:
    half = b.multiply(dy, b.full_like(dy, 0.5))
    tied = b.select(b.compare("EQ", x, y), half, b.zeros_like(dy))
    return b.select(b.compare(direction, x, y), dy, tied)


def _alive(b: GradientBuilder, op: Any, bound: Value) -> Value:
    """The value to compare with `bound`: the result, which is beyond `bound` where the operand is.

    For relu6 = min(max(x, 0), 6) the maximum looks at the minimum: it is above 0 at the same places
    (6 > 0), and it is the value that the next layer keeps.
    """
    low, minimum_ = splat_of(bound), b.only_user(op.result, "stablehlo.minimum")
    if op.name != "stablehlo.maximum" or low is None or minimum_ is None:
        return op.result
    highs = [splat_of(operand) for operand in minimum_.operands if operand != op.result]
    if highs and highs[0] is not None and highs[0] > low:
        return minimum_.results[0]
    return op.result


@gradient("stablehlo.clamp")
def clamp(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = min(max(low, x), high);  the gradient flows where low <= x <= high

    The interval is closed, as in PyTorch's clamp, but open for clamp(0, x + 3, 6): that is what
    PyTorch's hardswish and hardsigmoid become, whose clamp has derivative 0 at both ends. What
    falls outside goes to the bound.
    """
    low, x, high = op.operands
    lows, highs = _spread(b, low, x), _spread(b, high, x)
    at_least, at_most = ("GT", "LT") if _is_hard_sigmoid(op) else ("GE", "LE")
    inside = []
    if not is_infinite(low, -1):
        inside.append(b.compare(at_least, x, lows))
    if not is_infinite(high, 1):
        inside.append(b.compare(at_most, x, highs))
    # Where the bounds cross, the upper one wins.
    at_low = b.logical_and(b.compare("LT", x, lows), b.compare("LE", lows, highs))
    at_high = b.compare("GT", b.maximum(x, lows), highs)
    return _bound(b, dy, at_low, low), _masked(b, dy, inside), _bound(b, dy, at_high, high)


def _is_hard_sigmoid(op: Any) -> bool:
    low, x, high = op.operands
    if (splat_of(low), splat_of(high)) != (0, 6) or not is_made_by(x, "stablehlo.add"):
        return False
    return any(splat_of(operand) == 3 for operand in x.owner.operands)


def _spread(b: GradientBuilder, bound: Value, x: Value) -> Value:
    return bound if type_of(bound) == type_of(x) else b.broadcast_to(bound, x)


def _masked(b: GradientBuilder, dy: Value, masks: list[Value]) -> Value:
    if not masks:
        return dy
    mask = masks[0] if len(masks) == 1 else b.logical_and(*masks)
    return b.select(mask, dy, b.zeros_like(dy))


def _bound(b: GradientBuilder, dy: Value, mask: Value, bound: Value) -> Value | None:
    if not b.is_active(bound):
        return None
    gradient_there = b.select(mask, dy, b.zeros_like(dy))
    if type_of(bound) == type_of(dy):
        return gradient_there
    return b.reduce_add(gradient_there, list(range(len(shape_of(dy)))))


@gradient("stablehlo.select")
def select(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = c ? x : y;  dx = c ? dz : 0, dy = c ? 0 : dz"""
    condition, zero = op.operands[0], b.zeros_like(dy)
    return None, b.select(condition, dy, zero), b.select(condition, zero, dy)


@gradient("stablehlo.convert")
def convert(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x in another type;  dx = dy in the type of x: of its real part, where either is real"""
    x = op.operands[0]
    if not is_complex(x):
        return (b.convert(b.real(dy), type_of(x).element_type),)
    return (b.convert(dy, type_of(x).element_type),)


@gradient("stablehlo.reduce_precision")
def reduce_precision(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x rounded to fewer bits;  dx = dy, rounded likewise: as of a conversion there and back"""
    attributes = {name: op.attributes[name] for name in ("exponent_bits", "mantissa_bits")}
    return (b.create(op.name, [dy], [dy.type], attributes).results[0],)
