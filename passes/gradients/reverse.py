"""The reverse walk over a block: from cotangents of what it yields to those of what it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import IntegerType, Location, OpView, RankedTensorType, TupleType, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import defining_op, is_made_by
from pock_mlir.passes.gradients.registry import rule_of, stops_gradient, why_unsupported
from pock_mlir.passes.regions import captures, reads


def is_real(value: Value) -> bool:
    """Whether `value` can have a gradient: a tensor, or a tuple, in which none may get lost."""
    if isinstance(value.type, TupleType):
        return True
    if not isinstance(value.type, RankedTensorType):
        return False
    return not isinstance(RankedTensorType(value.type).element_type, IntegerType)


class Activity:
    """What is on a path from the sources to the results of a block.

    Args:
        ops: of the block, but for its terminator.
        results: what the block yields.
        known: values from outside that are active.
        is_source: the ops whose results are active by themselves.

    Attributes:
        active: values that depend on a source in a differentiable way.
        useful: ops whose result is active and reaches a result, last first.
        users: the ops that use each value.
    """

    def __init__(
        self,
        ops: Sequence[OpView],
        results: Sequence[Value],
        known: set[Value],
        is_source: Callable[[OpView], bool] = lambda op: False,
    ) -> None:
        self.active = set(known)
        self.users: dict[Value, list[OpView]] = defaultdict(list)
        for op in ops:
            for value in reads(op):
                self.users[value].append(op)
            if is_source(op) or self._depends(op):
                self.active.update(value for value in op.results if is_real(value))
        self.useful = list(self._useful_ops(ops, results))

    def _depends(self, op: OpView) -> bool:
        return not stops_gradient(op.name) and any(value in self.active for value in reads(op))

    def _useful_ops(self, ops: Sequence[OpView], results: Sequence[Value]) -> Iterator[OpView]:
        wanted = {value for value in results if value in self.active}
        for op in reversed(ops):
            if any(value in wanted for value in op.results):
                wanted.update(value for value in reads(op) if value in self.active)
                yield op


@dataclass(frozen=True)
class Signed:
    """A cotangent with its sign apart.

    So a negation travels to the update rather than into a reduction: every rule is linear in its
    cotangent, and a reduction of a negation does not compile on GPU targets.
    """

    value: Value
    negative: bool = False

    @classmethod
    def of(cls, value: Value) -> Signed:
        """`value` without the negations that made it."""
        negative = False
        while is_made_by(value, "stablehlo.negate"):
            value, negative = defining_op(value).operands[0], not negative  # pyright: ignore
        return cls(value, negative)

    def flipped(self, flip: bool) -> Signed:
        """The same, or its opposite."""
        return Signed(self.value, self.negative != flip)

    def plus(self, other: Signed, b: Builder) -> Signed:
        """The sum of two cotangents of one value."""
        if self.negative == other.negative:
            return Signed(b.add(self.value, other.value), self.negative)
        if self.negative:
            return Signed(b.subtract(other.value, self.value))
        return Signed(b.subtract(self.value, other.value))

    def emit(self, b: Builder) -> Value:
        """The cotangent as a plain value."""
        return b.negate(self.value) if self.negative else self.value


class ReverseWalk:
    """Applies the rules of the useful ops, last first. Cotangents that meet are added.

    Attributes:
        problems: what the rules object to; the walk goes on, with zeros, to find everything.
    """

    def __init__(self, builder: GradientBuilder, activity: Activity) -> None:
        self.builder = builder
        builder.active, builder.users_of = activity.active, activity.users
        self.problems: list[tuple[Location, str]] = []
        self._ops = activity.useful
        self._cotangents: dict[Value, Signed] = {}

    def add(self, value: Value, cotangent: Signed) -> None:
        """Add to the cotangent of `value`."""
        known = self._cotangents.get(value)
        self._cotangents[value] = known.plus(cotangent, self.builder) if known else cotangent

    def knows(self, value: Value) -> bool:
        """Whether `value` has a cotangent as yet."""
        return value in self._cotangents

    def take(self, value: Value) -> Signed | None:
        """The cotangent of `value` as far as it is known, which is then forgotten."""
        return self._cotangents.pop(value, None)

    def run(self, visit: Callable[[OpView], bool] = lambda op: False) -> None:
        """Propagate through each op that `visit` does not deal with.

        Raises:
            PassError: with everything that the rules object to, and every op without a rule.
        """
        for op in self._ops:
            with self.builder.at(op.location):
                if not visit(op):
                    self._propagate(op)
        if self.problems:
            raise PassError(list(reversed(self.problems)))
        self.builder.finish()

    def _propagate(self, op: OpView) -> None:
        cotangents = [self.take(value) for value in op.results]
        if all(cotangent is None for cotangent in cotangents):
            return
        flip = all(cotangent.negative for cotangent in cotangents if cotangent)
        dys = [cotangent and cotangent.flipped(flip).emit(self.builder) for cotangent in cotangents]
        for value, dx in self._apply(op, dys):
            if dx is not None and value in self.builder.active:
                self.add(value, Signed.of(dx).flipped(flip))

    def _apply(self, op: OpView, dys: list[Value | None]) -> Sequence[tuple[Value, Value | None]]:
        try:
            return _apply_rule(self.builder, op, dys)
        except PassError as error:
            self.problems += reversed(error.problems)
            known = [value for value in reads(op) if value in self.builder.active]
            tensors = [value for value in known if isinstance(value.type, RankedTensorType)]
            return [(value, self.builder.zeros_like(value)) for value in tensors]


def _apply_rule(
    b: GradientBuilder, op: OpView, dys: list[Value | None]
) -> list[tuple[Value, Value | None]]:
    rule = rule_of(op.name)
    if rule is None:
        reason = why_unsupported(op.name)
        raise PassError.at(op, f"{op.name} has no derivative rule" + (reason and f": {reason}"))
    found = rule(b, op, dys[0] if len(dys) == 1 else tuple(dys))
    if isinstance(found, Mapping):
        return list(found.items())
    if any(b.is_active(value) for value in captures(op)):
        raise PassError.at(op, f"the region of {op.name} captures a value that is trained")
    return list(zip(op.operands, found, strict=True))


def backpropagate(
    b: GradientBuilder,
    ops: Sequence[OpView],
    results: Sequence[Value],
    cotangents: Sequence[Value | None],
    wanted: Sequence[Value],
) -> list[Value | None]:
    """Append the gradients of what ops of a region compute.

    Args:
        b: a builder at the end of the region, behind the ops; it knows what is active outside.
        ops: in order.
        results: what the region yields.
        cotangents: of the results.
        wanted: distinct values that the ops read and do not make.

    Returns:
        The cotangents of the values in `wanted`; None where there is none.

    Raises:
        PassError: with everything that the rules object to.
    """
    activity = Activity(ops, results, b.active | set(wanted))
    walk = ReverseWalk(b, activity)
    for value, cotangent in zip(results, cotangents, strict=True):
        if cotangent is not None and value in activity.active:
            walk.add(value, Signed.of(cotangent))
    walk.run()
    found = [walk.take(value) for value in wanted]
    return [cotangent and cotangent.emit(b) for cotangent in found]
