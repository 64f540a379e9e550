"""Reverse-mode differentiation of the training step."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import (
    FlatSymbolRefAttr,
    InsertionPoint,
    IntegerType,
    Location,
    Module,
    OpView,
    RankedTensorType,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import defining_op, is_made_by
from pock_mlir.passes.gradients.registry import rule_of, stops_gradient
from pock_mlir.rewriting import functions, parameters


@dataclass(frozen=True)
class Differentiate(ModulePass):
    """Append the gradient of the loss by every weight that reaches it.

    Requires a `@train_step` of one block whose only result is a scalar of floats, the loss, and no
    `pock.update` yet. Ensures one `pock.update` of the whole of each parameter of kind `weight` on
    a path to the loss; a parameter that is read several times gets the sum. Ops without a rule are
    reported all at once. Assignments are left alone.

        %w = "pock.read"() {parameter = @w}
        %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
        ...
        return %loss

    becomes

        %w = "pock.read"() {parameter = @w}
        %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
        ...
        %dw = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
        "pock.update"(%dw) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: ...>}
        return %loss
    """

    name: ClassVar[str] = "differentiate"

    def run(self, module: Module) -> None:
        """Append the backward graph and the updates to `@train_step`."""
        declared = parameters(module).items()
        weights = {name for name, op in declared if op.kind.value == "weight"}
        with module.context, Location.unknown():
            _Reverse(_train_step(module), weights).run()


def _train_step(module: Module) -> OpView:
    """The function to differentiate, checked."""
    for function in functions(module):
        if function.attributes["sym_name"].value == "train_step":
            _check_step(function)
            return function
    raise PassError.at(module.operation, "differentiate needs a @train_step; add-loss makes one")


def _check_step(step: OpView) -> None:
    blocks = list(step.regions[0].blocks)
    if len(blocks) != 1:
        raise PassError.at(step, "@train_step must have exactly one block")
    results = list(blocks[0].operations[len(blocks[0].operations) - 1].operands)
    if len(results) != 1:
        raise PassError.at(step, f"@train_step must return one loss, not {len(results)} values")
    if type_of(results[0]).rank != 0 or not _is_real(results[0]):
        raise PassError.at(step, f"the loss must be a scalar of floats, got {results[0].type}")
    for op in blocks[0].operations:
        if op.name == "pock.update":
            raise PassError.at(op, "@train_step has updates already; differentiate it once")


def _is_real(value: Value) -> bool:
    if not isinstance(value.type, RankedTensorType):
        return False
    return not isinstance(RankedTensorType(value.type).element_type, IntegerType)


class Activity:
    """What is on a path from a weight to the loss.

    Attributes:
        active: values that depend on a weight in a differentiable way.
        useful: ops whose result is active and reaches the loss, last first.
        users: the ops that use each value.
    """

    def __init__(self, step: OpView, weights: set[str]) -> None:
        self.step = step
        self.ops = list(step.regions[0].blocks[0].operations)
        self.active: set[Value] = set()
        self.users: dict[Value, list[OpView]] = defaultdict(list)
        for op in self.ops:
            for value in _reads(op):
                self.users[value].append(op)
            if _is_weight_read(op, weights) or self._depends(op):
                self.active.update(value for value in op.results if _is_real(value))
        self.useful = list(self._useful_ops())

    def _depends(self, op: OpView) -> bool:
        return not stops_gradient(op.name) and any(value in self.active for value in _reads(op))

    def _useful_ops(self) -> Iterator[OpView]:
        wanted = {value for value in self.ops[-1].operands if value in self.active}
        if not wanted:
            raise PassError.at(self.step, "no weight reaches the loss: there is nothing to train")
        for op in reversed(self.ops[:-1]):
            if any(value in wanted for value in op.results):
                wanted.update(value for value in _reads(op) if value in self.active)
                yield op

    def require_rules(self) -> None:
        """Check that each useful op has a rule.

        Raises:
            PassError: naming every op that has none.
        """
        problems = []
        for op in reversed(self.useful):
            if op.name != "pock.read" and rule_of(op.name) is None:
                problems.append((op.location, f"{op.name} has no derivative rule"))
            if any(value in self.active for value in _captures(op)):
                problems.append((op.location, f"{op.name} captures a value that is trained"))
        if problems:
            raise PassError(problems)


def _parameter(read: OpView) -> str:
    return FlatSymbolRefAttr(read.attributes["parameter"]).value


def _is_weight_read(op: OpView, weights: set[str]) -> bool:
    return op.name == "pock.read" and _parameter(op) in weights


def _reads(op: OpView) -> Iterator[Value]:
    yield from op.operands
    yield from _captures(op)


def _captures(op: OpView) -> Iterator[Value]:
    """Operands of the ops in the regions of `op`; those defined in there are never active."""
    for region in op.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield from _reads(inner)


@dataclass(frozen=True)
class _Signed:
    """A cotangent with its sign apart.

    So a negation travels to the update rather than into a reduction: every rule is linear in its
    cotangent, and a reduction of a negation does not compile on GPU targets.
    """

    value: Value
    negative: bool = False

    @classmethod
    def of(cls, value: Value) -> _Signed:
        """`value` without the negations that made it."""
        negative = False
        while is_made_by(value, "stablehlo.negate"):
            value, negative = defining_op(value).operands[0], not negative  # pyright: ignore
        return cls(value, negative)

    def flipped(self, flip: bool) -> _Signed:
        """The same, or its opposite."""
        return _Signed(self.value, self.negative != flip)

    def plus(self, other: _Signed, b: Builder) -> _Signed:
        """The sum of two cotangents of one value."""
        if self.negative == other.negative:
            return _Signed(b.add(self.value, other.value), self.negative)
        if self.negative:
            return _Signed(b.subtract(other.value, self.value))
        return _Signed(b.subtract(self.value, other.value))

    def emit(self, b: Builder) -> Value:
        """The cotangent as a plain value."""
        return b.negate(self.value) if self.negative else self.value


class _Reverse:
    """The reverse walk, from the loss to the weights. Cotangents that meet are added."""

    def __init__(self, step: OpView, weights: set[str]) -> None:
        activity = Activity(step, weights)
        activity.require_rules()
        self.active, self.ops = activity.active, activity.useful
        self.end = activity.ops[-1]
        self.builder = GradientBuilder(
            InsertionPoint(self.end), self.end.location, self.active, activity.users
        )
        self.cotangents: dict[Value, _Signed] = {}
        self.gradients: dict[str, _Signed] = {}
        self.reads_left = Counter(_parameter(op) for op in self.ops if op.name == "pock.read")
        self.problems: list[tuple[Location, str]] = []

    def run(self) -> None:
        """Append the backward graph and the updates.

        Raises:
            PassError: with everything that the rules object to.
        """
        with self.builder.at(self.ops[0].location):
            seed = self.builder.ones_like(self.end.operands[0])
        self.cotangents[self.end.operands[0]] = _Signed(seed)
        for op in self.ops:
            with self.builder.at(op.location):
                self._visit(op)
        if self.problems:
            raise PassError(self.problems)
        _erase_unused(self.end, defining_op(seed))

    def _visit(self, op: OpView) -> None:
        cotangents = [self.cotangents.pop(value, None) for value in op.results]
        if op.name == "pock.read":
            self._collect(_parameter(op), cotangents[0])
        elif any(cotangent is not None for cotangent in cotangents):
            self._propagate(op, cotangents)

    def _propagate(self, op: OpView, cotangents: list[_Signed | None]) -> None:
        flip = all(cotangent.negative for cotangent in cotangents if cotangent)
        dys = [cotangent and cotangent.flipped(flip).emit(self.builder) for cotangent in cotangents]
        for operand, dx in zip(op.operands, self._apply(op, dys), strict=True):
            if dx is not None and operand in self.active:
                self._add(self.cotangents, operand, _Signed.of(dx).flipped(flip))

    def _apply(self, op: OpView, dys: list[Value | None]) -> Sequence[Value | None]:
        rule = rule_of(op.name)
        assert rule is not None, op.name
        try:
            return rule(self.builder, op, dys[0] if len(dys) == 1 else tuple(dys))
        except PassError as error:
            # Zeros let the walk go on to find every problem; the module is lost in any case.
            self.problems += error.problems
            return [self.builder.zeros_like(x) if x in self.active else None for x in op.operands]

    def _add(self, sums: dict[Any, _Signed], key: Value | str, term: _Signed) -> None:
        sums[key] = sums[key].plus(term, self.builder) if key in sums else term

    def _collect(self, parameter: str, cotangent: _Signed | None) -> None:
        """Add the gradient by one read; after the last read, make the update."""
        if cotangent is not None:
            self._add(self.gradients, parameter, cotangent)
        self.reads_left[parameter] -= 1
        if not self.reads_left[parameter] and parameter in self.gradients:
            self._update(parameter, self.gradients[parameter].emit(self.builder))

    def _update(self, parameter: str, gradient: Value) -> None:
        sizes = shape_of(gradient)
        attributes = {
            "parameter": FlatSymbolRefAttr.get(parameter),
            "offsets": i64s([0] * len(sizes)),
            "sizes": i64s(sizes),
        }
        self.builder.create("pock.update", [gradient], [], attributes)


def _erase_unused(end: OpView, first: OpView | None) -> None:
    """Erase what the rules made in vain, from `end` back to `first`."""
    new = itertools.dropwhile(lambda op: op != first, end.operation.block.operations)
    for op in reversed(list(new)):
        if len(op.results) and not any(True for value in op.results for _ in value.uses):
            op.operation.erase()
