"""Reverse-mode differentiation of the training step."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pock_mlir.dialects.pock import TRAINED_KINDS
from pock_mlir.dialects.stablehlo import i64s, shape_of, type_of
from pock_mlir.ir import FlatSymbolRefAttr, InsertionPoint, Location, Module, OpView, Value
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.gradients.ahead import derive_ahead
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import defining_op
from pock_mlir.passes.gradients.reverse import Activity, ReverseWalk, Signed, is_real
from pock_mlir.rewriting import functions, nested_ops, parameters


@dataclass(frozen=True)
class Differentiate(ModulePass):
    """Append the gradient of the loss by every weight that reaches it.

    Requires a `@train_step` of one block whose only result is a scalar of floats, the loss, and no
    `pock.update` yet. Ensures one `pock.update` of the whole of each parameter of a trained kind
    (`weight`, `adapter`) on a path to the loss; a parameter that is read several times gets the
    sum. A loop that is on such a path also records, in the forward, what its gradient needs. Ops
    without a rule are reported all at once. Assignments are left alone.

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
        weights = {name for name, op in declared if op.kind.value in TRAINED_KINDS}
        with module.context, Location.unknown():
            _StepGradient(_train_step(module), weights).append()


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
    if type_of(results[0]).rank != 0 or not is_real(results[0]):
        raise PassError.at(step, f"the loss must be a scalar of floats, got {results[0].type}")
    for op in blocks[0].operations:
        if op.name == "pock.update":
            raise PassError.at(op, "@train_step has updates already; differentiate it once")
    problems = list(_state_in_regions(blocks[0].operations))
    if problems:
        raise PassError(problems)


def _state_in_regions(ops: Iterator[OpView]) -> Iterator[tuple[Location, str]]:
    for op in ops:
        for inner in nested_ops(op):
            if inner.operation.name in ("pock.read", "pock.update", "pock.assign"):
                message = f"{inner.operation.name} must stand in the body of @train_step itself"
                yield inner.location, message


def _parameter(read: OpView) -> str:
    return FlatSymbolRefAttr(read.attributes["parameter"]).value


class _StepGradient:
    """The reverse walk over a step, from the loss to the weights."""

    def __init__(self, step: OpView, weights: set[str]) -> None:
        *ops, self.end = step.regions[0].blocks[0].operations
        (self.loss,) = self.end.operands
        activity = Activity(
            ops, [self.loss], set(), lambda op: op.name == "pock.read" and _parameter(op) in weights
        )
        if not activity.useful:
            raise PassError.at(step, "no weight reaches the loss: there is nothing to train")
        self.start = activity.useful[0].location
        where = InsertionPoint(self.end)
        self.builder = GradientBuilder(where, self.end.location, activity.active)
        self.walk = ReverseWalk(self.builder, activity)
        self.gradients: dict[str, Signed] = {}
        self.reads_left = Counter(
            _parameter(op) for op in activity.useful if op.name == "pock.read"
        )

    def append(self) -> None:
        """Append the backward graph and the updates.

        Raises:
            PassError: with everything that the rules object to.
        """
        with self.builder.at(self.start):
            seed = self.builder.ones_like(self.loss)
        self.walk.add(self.loss, Signed(seed))
        self.walk.run(self._visit)
        _erase_unused(self.end, defining_op(seed))

    def _visit(self, op: OpView) -> bool:
        if op.name != "pock.read":
            return derive_ahead(self.walk, op)
        self._collect(_parameter(op), self.walk.take(op.results[0]))
        return True

    def _collect(self, parameter: str, cotangent: Signed | None) -> None:
        """Add the gradient by one read; after the last read, make the update."""
        if cotangent is not None:
            known = self.gradients.get(parameter)
            self.gradients[parameter] = known.plus(cotangent, self.builder) if known else cotangent
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
