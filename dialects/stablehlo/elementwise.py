"""Elementwise ops."""

from __future__ import annotations

from pock_mlir.dialects.stablehlo.attributes import shape_of, type_of
from pock_mlir.dialects.stablehlo.core import Core
from pock_mlir.ir import IntegerType, RankedTensorType, Type, Value, stablehlo_bindings


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
        kind = "SIGNED" if isinstance(type_.element_type, IntegerType) else "FLOAT"
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
