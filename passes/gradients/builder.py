"""What a derivative rule emits with: the StableHLO builder, and what is known of the forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import (
    Block,
    InsertionPoint,
    Location,
    Operation,
    OpView,
    RankedTensorType,
    Value,
)
from pock_mlir.passes.gradients.matching import is_slice_among_zeros, splat_of
from pock_mlir.passes.gradients.sums import sum_of_neighbours


class GradientBuilder(Builder):
    """A builder that also knows the forward.

    Args:
        insertion_point: where to insert the backward.
        location: of the ops that it builds.
        active: forward values that depend on a trainable parameter.

    Attributes:
        active: the same.
        users_of: forward values to the forward ops that use them.
    """

    def __init__(
        self, insertion_point: InsertionPoint, location: Location, active: set[Value]
    ) -> None:
        super().__init__(insertion_point, location)
        self.active = active
        self.users_of: Mapping[Value, Sequence[OpView]] = {}
        self._replaced: list[tuple[Any, Sequence[Value]]] = []

    def within(self, block: Block) -> GradientBuilder:
        """A builder at the end of a block of a region, which sees the same active values."""
        return GradientBuilder(InsertionPoint(block), self.location, self.active)

    def is_active(self, value: Value) -> bool:
        """Whether a gradient by `value` is of any use."""
        return value in self.active

    def users(self, value: Value) -> Sequence[OpView]:
        """The ops of the forward that use `value`, once per use."""
        return self.users_of.get(value, ())

    def only_user(self, value: Value, name: str) -> OpView | None:
        """The only forward op that uses `value`, when it is called `name`."""
        found = self.users(value)
        return found[0] if len(found) == 1 and found[0].name == name else None

    def replace_later(self, op: Any, values: Sequence[Value]) -> None:
        """Have the results of a forward op replaced once the walk, which refers to it, is done."""
        self._replaced.append((op, values))

    def finish(self) -> None:
        """Make the replacements that rules asked for."""
        for op, values in self._replaced:
            for result, value in zip(op.results, values, strict=True):
                result.replace_all_uses_with(value)
            op.operation.erase()
        self._replaced.clear()

    def fill_region(self, op: Operation, kind: str) -> None:
        """Give a reduction or scatter the region that combines its two arguments by `kind`.

        The kind "second" takes the second one.
        """
        element = type_of(op.results[0]).element_type
        if kind != "second":
            self._combiner(op, kind, element)
            return
        scalar = RankedTensorType.get([], element)
        block = op.regions[0].blocks.append(scalar, scalar, arg_locs=[self.location] * 2)
        self.within(block).create("stablehlo.return", [block.arguments[1]], [])

    def add(self, x: Value, y: Value) -> Value:
        """x + y; gradients of parts are written into each other, or put side by side."""
        together = sum_of_neighbours(self, x, y)
        if together is not None:
            return together
        x, y = (y, x) if is_slice_among_zeros(x) else (x, y)
        if not is_slice_among_zeros(y):
            return super().add(x, y)
        _, part, *start = y.owner.operands
        sizes = {"slice_sizes": i64s(shape_of(part))}
        old = self.create("stablehlo.dynamic_slice", [x, *start], [part.type], sizes).results[0]
        operands = [x, self.add(old, part), *start]
        return self.create("stablehlo.dynamic_update_slice", operands, [x.type]).results[0]

    def multiply(self, x: Value, y: Value) -> Value:
        """x * y, known factors folded: the gradient of the loss itself is 1."""
        left, right = splat_of(x), splat_of(y)
        if left is not None and right is not None:
            return self.full_like(x, left * right)
        if left == 1:
            return y
        return x if right == 1 else super().multiply(x, y)

    def divide(self, x: Value, y: Value) -> Value:
        """x / y, as a product where y is known: that is quicker."""
        divisor = splat_of(y)
        return self.multiply(x, self.full_like(y, 1 / divisor)) if divisor else super().divide(x, y)
