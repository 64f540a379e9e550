"""Sums of gradients of parts: what lies side by side is put together instead of added up."""

from __future__ import annotations

from dataclasses import dataclass

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, IntegerAttr, Value
from pock_mlir.passes.gradients.matching import defining_op, is_made_by, splat_of


@dataclass(frozen=True)
class Part:
    """A tensor that is zero but for a stretch of one dimension.

    Attributes:
        pieces: what the stretch is put together from, in order.
        dimension: the dimension.
        start: where the stretch begins.
        stop: where it ends.
        size: of the dimension.
    """

    pieces: list[Value]
    dimension: int
    start: int
    stop: int
    size: int

    @classmethod
    def of(cls, value: Value) -> Part | None:
        """`value` as a part; None when it is no slice that was padded with zeros."""
        op = defining_op(value)
        if op is None or op.name != "stablehlo.pad" or splat_of(op.operands[1]) != 0:
            return None
        names = ("edge_padding_low", "edge_padding_high", "interior_padding")
        low, high, between = (list(DenseI64ArrayAttr(op.attributes[name])) for name in names)
        around = [i for i, amounts in enumerate(zip(low, high, strict=True)) if any(amounts)]
        if len(around) != 1 or any(between) or min(low + high) < 0:
            return None
        (d,) = around
        size = shape_of(value)[d]
        return cls(_pieces(op.operands[0], d), d, low[d], size - high[d], size)

    def before(self, other: Part) -> bool:
        """Whether the other part begins where this one ends."""
        return self.dimension == other.dimension and self.stop == other.start

    def with_following(self, other: Part, b: Builder) -> Value:
        """The sum of this part and the one that begins where it ends."""
        whole = b.concatenate([*self.pieces, *other.pieces], self.dimension)
        low, high = [0] * len(shape_of(whole)), [0] * len(shape_of(whole))
        low[self.dimension], high[self.dimension] = self.start, self.size - other.stop
        return b.pad(whole, low, high)


def _pieces(value: Value, dimension: int) -> list[Value]:
    if is_made_by(value, "stablehlo.concatenate"):
        op = value.owner
        if IntegerAttr(op.attributes["dimension"]).value == dimension:
            return list(op.operands)
    return [value]


def sum_of_neighbours(b: Builder, x: Value, y: Value) -> Value | None:
    """x + y, when both are parts that lie side by side in one dimension."""
    first, second = Part.of(x), Part.of(y)
    if first is None or second is None:
        return None
    if first.before(second):
        return first.with_following(second, b)
    return second.with_following(first, b) if second.before(first) else None
