"""What a derivative rule emits with: the StableHLO builder, and what is known of the forward."""

from __future__ import annotations

from collections.abc import Container

from pock_mlir.dialects.stablehlo import Builder, type_of
from pock_mlir.ir import InsertionPoint, Location, Operation, Value
from pock_mlir.passes.gradients.matching import splat_of


class GradientBuilder(Builder):
    """A builder that also knows which forward values depend on a trainable parameter."""

    def __init__(
        self, insertion_point: InsertionPoint, location: Location, active: Container[Value]
    ) -> None:
        super().__init__(insertion_point, location)
        self._active = active

    def is_active(self, value: Value) -> bool:
        """Whether a gradient by `value` is of any use."""
        return value in self._active

    def fill_region(self, op: Operation, kind: str) -> None:
        """Give a reduction or scatter the region that combines its two arguments by `kind`."""
        self._combiner(op, kind, type_of(op.results[0]).element_type)

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
