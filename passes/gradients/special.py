"""Derivatives of the special functions of CHLO."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from pock_mlir.ir import Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient

_HALF_SQRT_PI = math.sqrt(math.pi) / 2
_JOINT = 8.0


def _chlo(b: GradientBuilder, name: str, *operands: Value) -> Value:
    return b.create(f"chlo.{name}", operands, [operands[0].type]).results[0]


def _require_inactive(b: GradientBuilder, op: Any, index: int, name: str) -> None:
    if b.is_active(op.operands[index]):
        raise PassError.at(op, f"{op.name} has no derivative rule by its {name}")


@gradient("chlo.lgamma")
def lgamma(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = log |gamma(x)|;  dx = dy * digamma(x)"""
    return (b.multiply(dy, _chlo(b, "digamma", op.operands[0])),)


@gradient("chlo.digamma")
def digamma(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = digamma(x);  dx = dy * polygamma(1, x)"""
    x = op.operands[0]
    return (b.multiply(dy, _chlo(b, "polygamma", b.ones_like(x), x)),)


@gradient("chlo.polygamma")
def polygamma(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = polygamma(n, x);  dx = dy * polygamma(n + 1, x); n is a whole number"""
    _require_inactive(b, op, 0, "order")
    n, x = op.operands
    return None, b.multiply(dy, _chlo(b, "polygamma", b.add(n, b.ones_like(n)), x))


@gradient("chlo.zeta")
def zeta(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = the sum of (q + k) ** -x over k = 0, 1, ...;  dq = -dy * x * zeta(x + 1, q)

    The derivative by the exponent x has no closed form.
    """
    _require_inactive(b, op, 0, "exponent")
    x, q = op.operands
    slope = b.multiply(x, _chlo(b, "zeta", b.add(x, b.ones_like(x)), q))
    return None, b.negate(b.multiply(dy, slope))


@gradient("chlo.erf_inv")
def erf_inv(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """x = erf(y);  dx = dy * sqrt(pi) / 2 * exp(y*y)"""
    y = op.result
    scaled = b.multiply(dy, b.full_like(dy, _HALF_SQRT_PI))
    return (b.multiply(scaled, b.exponential(b.multiply(y, y))),)


@gradient("chlo.next_after")
def next_after(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z = the number next to x in the direction of y;  dx = dz"""
    return dy, None


@gradient("chlo.bessel_i1e")
def bessel_i1e(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = exp(-|x|) i1(x);  dx = dy * (exp(-|x|) i0(x) - y * (sign(x) + 1 / x)), 1/2 at 0"""
    x, y = op.operands[0], op.result
    at_zero = b.compare("EQ", x, b.zeros_like(x))
    inverse = b.divide(b.ones_like(x), b.select(at_zero, b.ones_like(x), x))
    slope = b.subtract(_bessel_i0e(b, x), b.multiply(y, b.add(b.sign(x), inverse)))
    return (b.multiply(dy, b.select(at_zero, b.full_like(x, 0.5), slope)),)


def _bessel_i0e(b: GradientBuilder, x: Value) -> Value:
    """exp(-|x|) i0(x): a polynomial up to 8, beyond it one in 1 / x over sqrt(x)."""
    size, joint = b.multiply(x, b.sign(x)), b.full_like(x, _JOINT)
    near, far = b.minimum(size, joint), b.maximum(size, joint)
    one = b.ones_like(x)
    small = _chebyshev(b, b.subtract(b.multiply(near, b.full_like(x, 2 / _JOINT)), one), _near())
    large = _chebyshev(b, b.subtract(b.divide(b.full_like(x, 2 * _JOINT), far), one), _far())
    return b.select(b.compare("LE", size, joint), small, b.multiply(large, b.rsqrt(far)))


def _chebyshev(b: GradientBuilder, t: Value, coefficients: Sequence[float]) -> Value:
    """The sum of c_k T_k(t), -1 <= t <= 1, by Clenshaw's recurrence."""
    twice = b.add(t, t)
    last, before = b.full_like(t, coefficients[-1]), b.zeros_like(t)
    for c in reversed(coefficients[1:-1]):
        step = b.add(b.subtract(b.multiply(twice, last), before), b.full_like(t, c))
        last, before = step, last
    return b.add(b.subtract(b.multiply(t, last), before), b.full_like(t, coefficients[0]))


@cache
def _near() -> list[float]:
    return _interpolated(lambda t: _integral((t + 1) * _JOINT / 2), 30)


@cache
def _far() -> list[float]:
    def scaled(t: np.ndarray) -> np.ndarray:
        x = 2 * _JOINT / (t + 1)
        return _integral(x) * np.sqrt(x)

    return _interpolated(scaled, 25)


def _interpolated(function: Callable[[np.ndarray], np.ndarray], count: int) -> list[float]:
    """The first coefficients of Chebyshev's series of a function, from as many of its values."""
    angles = (np.arange(count) + 0.5) * np.pi / count
    waves = np.cos(np.outer(np.arange(count), angles))
    coefficients = waves @ function(np.cos(angles)) * 2 / count
    coefficients[0] /= 2
    return coefficients.tolist()


def _integral(x: np.ndarray) -> np.ndarray:
    """exp(-x) i0(x), the mean of exp(x * (cos(a) - 1)) over all angles a, x up to 10,000."""
    angles = (np.arange(8192) + 0.5) * np.pi / 8192
    return np.exp(-2 * np.multiply.outer(x, np.sin(angles / 2) ** 2)).mean(-1)
