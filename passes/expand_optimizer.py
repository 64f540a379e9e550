"""`expand-optimizer`: optimizer updates as plain arithmetic, the functional reference form."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import FlatSymbolRefAttr, IntegerType, Module, RankedTensorType, Value
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.update_arithmetic import Tensors
from pock_mlir.passes.update_rules import ACCUMULATE, UPDATE_RULES, rule_of, slice_of
from pock_mlir.rewriting import body, functions, parameters


@dataclass(frozen=True)
class ExpandOptimizer(ModulePass):
    """Compute the update of every optimizer op (`pock.sgd`, ...) in StableHLO.

    Requires: nothing. Ensures: none of them is left, and no `pock.accumulate`; each parameter they
    trained and each state they kept gets one `pock.assign` of its whole value, where the last of
    its updates stood. Nothing is in place: this form is what the in-place lowerings are compared
    with, and what StableHLO's reference interpreter runs.

        "pock.sgd"(%g, %lr) {parameter = @w, offsets = 2, 0, sizes = 2, 16, weight_decay = 0.0}
    becomes
        %w = "pock.read"() {parameter = @w} : () -> tensor<8x16xf32>
        %0 = stablehlo.slice %w [2:4, 0:16]
        %1 = stablehlo.multiply %rate, %g
        %2 = stablehlo.subtract %0, %1
        %3 = stablehlo.dynamic_update_slice %w, %2, %two, %zero
        "pock.assign"(%3) {parameter = @w}
    """

    name = "expand-optimizer"

    def run(self, module: Module) -> None:
        types = {name: op.stored_type for name, op in parameters(module).items()}
        for function in functions(module):
            _Expansion(types).expand(function)


@dataclass
class _Expansion:
    """The updates of one function.

    `reads` has the old values, `whole` the parameters that some of whose slices are updated;
    `left` counts the updates of each that are still to come.
    """

    types: dict[str, RankedTensorType]
    reads: dict[str, Value] = field(default_factory=dict)
    whole: dict[str, Value] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def expand(self, function: Any) -> None:
        ops = [op for op in body(function).operations if op.operation.name in UPDATE_RULES]
        for op in ops:
            self.left[op.parameter.value] += 1
        for op in ops:
            if op.operation.name == ACCUMULATE:
                self._add(op)
            else:
                self._update(op)
            op.operation.erase()

    def _add(self, op: Any) -> None:
        b, name = Builder.before(op), op.parameter.value
        total = b.add(self._read(b, name), op.gradient)
        users = [use.owner.operation for use in op.total.uses]
        if not any("accumulated" in user.attributes for user in users):
            _assign(b, name, total)
        op.total.replace_all_uses_with(total)

    def _update(self, op: Any) -> None:
        b, rule = Builder.before(op), rule_of(op)
        name, *states = rule.state_names(op)
        offsets, _ = slice_of(op)
        olds = {each: self._current(b, op, each) for each in rule.states}
        tensors = Tensors(b, type_of(olds["parameter"]))
        prepared = rule.prepare(b, op, lambda each: self._current(b, op, each))
        parts = [tensors.spread(part) for part in prepared.parts]
        new, *news = rule.formula(tensors, op, op.gradient, parts, list(olds.values()))
        for attribute, value in prepared.assigned.items():
            _assign(b, FlatSymbolRefAttr(op.attributes[attribute]).value, value)
        for state, value in zip(states, news, strict=True):
            _assign(b, state, value)
        old = self.whole.get(name) or self._read(b, name)
        self.whole[name] = _put(b, old, new, offsets)
        self.left[name] -= 1
        if self.left[name] == 0:
            _assign(b, name, self.whole[name])

    def _current(self, b: Builder, op: Any, attribute: str) -> Value:
        """The old value of a state; of the parameter, the slice that is trained."""
        name = FlatSymbolRefAttr(op.attributes[attribute]).value
        if attribute == "accumulated":
            return op.gradient
        value = self._read(b, name)
        if attribute != "parameter":
            return value
        offsets, sizes = slice_of(op)
        return b.slice(value, offsets, [i + n for i, n in zip(offsets, sizes, strict=True)])

    def _read(self, b: Builder, name: str) -> Value:
        if name not in self.reads:
            attributes = {"parameter": FlatSymbolRefAttr.get(name)}
            op = b.create("pock.read", [], [self.types[name]], attributes)
            self.reads[name] = op.results[0]
        return self.reads[name]


def _assign(b: Builder, name: str, value: Value) -> None:
    b.create("pock.assign", [value], [], {"parameter": FlatSymbolRefAttr.get(name)})


def _put(b: Builder, whole: Value, piece: Value, offsets: list[int]) -> Value:
    """`whole` with `piece` in it at `offsets`."""
    if shape_of(whole) == shape_of(piece):
        return piece
    index = RankedTensorType.get([], IntegerType.get_signless(32))
    starts = [b.splat(offset, index) for offset in offsets]
    op = b.create("stablehlo.dynamic_update_slice", [whole, piece, *starts], [whole.type])
    return op.results[0]
