"""Elementwise ops."""

from __future__ import annotations

from pock_mlir.dialects.stablehlo.attributes import is_complex, shape_of, type_of
from pock_mlir.dialects.stablehlo.core import Core
from pock_mlir.ir import (
    ComplexType,
    IntegerType,
    RankedTensorType,
    Type,
    Value,
    stablehlo_bindings,
)

# fmt: off
_STABLEHLO = [
    "abs", "add", "and", "atan2", "cbrt", "ceil", "clamp", "compare", "convert", "cosine", "divide",
    "exponential", "exponential_minus_one", "floor", "is_finite", "log", "log_plus_one", "logistic",
    "maximum", "minimum", "multiply", "negate", "not", "or", "power", "reduce_precision",
    "remainder", "round_nearest_afz", "round_nearest_even", "rsqrt", "select", "sign", "sine",
    "sqrt", "subtract", "tan", "tanh", "xor",
]
_CHLO = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cosh", "digamma", "erf", "erf_inv", "erfc",
    "lgamma", "sinh", "square", "tan",
]
# fmt: on
ELEMENTWISE = frozenset(
    [f"stablehlo.{name}" for name in _STABLEHLO] + [f"chlo.{name}" for name in _CHLO]
)
"""Ops that make each element of their result from one element, or a scalar, of every operand."""


class Elementwise(Core):
    """Ops on tensors of one shape and, but for conversions, one type."""

    def _elementwise(self, name: str, *operands: Value) -> Value:
        return self._one(f"stablehlo.{name}", operands, operands[0].type)

    def add(self, x: Value, y: Value) -> Value:
        """x + y"""
        return self._elementwise("add", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        """x - y"""
        return self._elementwise("subtract", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        """x * y"""
        return self._elementwise("multiply", x, y)

    def divide(self, x: Value, y: Value) -> Value:
        """x / y"""
        return self._elementwise("divide", x, y)

    def maximum(self, x: Value, y: Value) -> Value:
        """max(x, y)"""
        return self._elementwise("maximum", x, y)

    def minimum(self, x: Value, y: Value) -> Value:
        """min(x, y)"""
        return self._elementwise("minimum", x, y)

    def power(self, x: Value, y: Value) -> Value:
        """x ** y"""
        return self._elementwise("power", x, y)

    def logical_and(self, x: Value, y: Value) -> Value:
        """x & y"""
        return self._elementwise("and", x, y)

    def logical_or(self, x: Value, y: Value) -> Value:
        """x | y"""
        return self._elementwise("or", x, y)

    def negate(self, x: Value) -> Value:
        """-x"""
        return self._elementwise("negate", x)

    def exponential(self, x: Value) -> Value:
        """e ** x"""
        return self._elementwise("exponential", x)

    def log(self, x: Value) -> Value:
        """ln x"""
        return self._elementwise("log", x)

    def tanh(self, x: Value) -> Value:
        """tanh x"""
        return self._elementwise("tanh", x)

    def sqrt(self, x: Value) -> Value:
        """Square root of x"""
        return self._elementwise("sqrt", x)

    def rsqrt(self, x: Value) -> Value:
        """1 / sqrt(x)"""
        return self._elementwise("rsqrt", x)

    def sign(self, x: Value) -> Value:
        """-1, 0 or 1"""
        return self._elementwise("sign", x)

    def sine(self, x: Value) -> Value:
        """sin x"""
        return self._elementwise("sine", x)

    def cosine(self, x: Value) -> Value:
        """cos x"""
        return self._elementwise("cosine", x)

    def logical_not(self, x: Value) -> Value:
        """!x"""
        return self._elementwise("not", x)

    def compare(self, direction: str, x: Value, y: Value) -> Value:
        """`direction` is EQ, NE, GE, GT, LE or LT."""
        type_ = type_of(x)
        element = type_.element_type
        kind = "FLOAT"
        if isinstance(element, IntegerType):
            unsigned = element.is_unsigned or element.width == 1
            kind = "UNSIGNED" if unsigned else "SIGNED"
        return self._one(
            "stablehlo.compare",
            [x, y],
            RankedTensorType.get(type_.shape, IntegerType.get_signless(1)),
            comparison_direction=stablehlo_bindings.ComparisonDirectionAttr.get(direction),
            compare_type=stablehlo_bindings.ComparisonTypeAttr.get(kind),
        )

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """condition ? x : y"""
        return self._one("stablehlo.select", [condition, x, y], x.type)

    def convert(self, x: Value, element: Type) -> Value:
        """x in another element type (x itself when it has it already)."""
        if type_of(x).element_type == element:
            return x
        return self._one("stablehlo.convert", [x], RankedTensorType.get(shape_of(x), element))

    # ---- complex numbers ---------------------------------------------------------------------

    def complex(self, x: Value, y: Value) -> Value:
        """x + i y"""
        element = ComplexType.get(type_of(x).element_type)
        return self._one("stablehlo.complex", [x, y], RankedTensorType.get(shape_of(x), element))

    def real(self, z: Value) -> Value:
        """The real part of z; z itself when it is real."""
        return self._part("real", z) if is_complex(z) else z

    def imag(self, z: Value) -> Value:
        """The imaginary part of z, a complex tensor."""
        return self._part("imag", z)

    def _part(self, name: str, z: Value) -> Value:
        element = ComplexType(type_of(z).element_type).element_type
        return self._one(f"stablehlo.{name}", [z], RankedTensorType.get(shape_of(z), element))

    def conjugate(self, z: Value) -> Value:
        """z with its imaginary part negated; z itself when it is real."""
        if not is_complex(z):
            return z
        return self.complex(self.real(z), self.negate(self.imag(z)))
