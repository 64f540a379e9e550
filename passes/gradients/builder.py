"""What a derivative rule emits with: the StableHLO builder, and what is known of the forward."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from pock_mlir.dialects.stablehlo import Builder, type_of
from pock_mlir.ir import InsertionPoint, Location, Operation, OpView, Value
from pock_mlir.passes.gradients.matching import splat_of


class GradientBuilder(Builder):
    """A builder that also knows the forward.

    Args:
        insertion_point: where to insert the backward.
        location: of the ops that it builds.
        active: forward values that depend on a trainable parameter.
        users: forward values to the forward ops that use them.
    """

    def __init__(
        self,
        insertion_point: InsertionPoint,
        location: Location,
        active: Container[Value],
        users: Mapping[Value, Sequence[OpView]],
    ) -> None:
        super().__init__(insertion_point, location)
        self._active = active
        self._users = users

    def is_active(self, value: Value) -> bool:
        """Whether a gradient by `value` is of any use."""
        return value in self._active

    def users(self, value: Value) -> Sequence[OpView]:
        """The ops of the forward that use `value`, once per use."""
        return self._users.get(value, ())

    def only_user(self, value: Value, name: str) -> OpView | None:
        """The only forward op that uses `value`, when it is called `name`."""
        found = self.users(value)
        return found[0] if len(found) == 1 and found[0].name == name else None

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
