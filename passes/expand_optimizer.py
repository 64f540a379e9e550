"""`expand-optimizer`: optimizer updates as plain arithmetic, the functional reference form."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import FlatSymbolRefAttr, IntegerType, Module, RankedTensorType, Value
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.update_rules import UPDATE_RULES
from pock_mlir.rewriting import body, functions, parameters


@dataclass(frozen=True)
class ExpandOptimizer(ModulePass):
    """Compute the update of every `pock.sgd`, `pock.momentum` and `pock.adamw` in StableHLO.

    Requires: nothing. Ensures: none of them is left; each parameter they trained and each state
    they kept gets one `pock.assign` of its whole value, where the last of its updates stood.
    Nothing is in place: this form is what the in-place lowerings are compared with, and what
    StableHLO's reference interpreter runs.

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
            _expand(function, types)


class _Tensors:
    """The arithmetic of `update_rules` on StableHLO tensors of one type."""

    def __init__(self, builder: Builder, type_: RankedTensorType) -> None:
        self.builder, self.type = builder, type_
        self.add, self.subtract = builder.add, builder.subtract
        self.multiply, self.divide, self.sqrt = builder.multiply, builder.divide, builder.sqrt

    def constant(self, value: float) -> Value:
        return self.builder.splat(value, self.type)

    def scalar(self, value: Value) -> Value:
        """A rank-0 tensor as a tensor of the type."""
        converted = self.builder.convert(value, self.type.element_type)
        return self.builder.broadcast_in_dim(converted, self.type.shape, [])


def _expand(function: Any, types: dict[str, RankedTensorType]) -> None:
    ops = [op for op in body(function).operations if op.operation.name in UPDATE_RULES]
    left: dict[str, int] = defaultdict(int)
    for op in ops:
        left[op.parameter.value] += 1
    whole: dict[str, Value] = {}
    for op in ops:
        _expand_op(op, types, whole, left)


def _expand_op(
    op: Any, types: dict[str, RankedTensorType], whole: dict[str, Value], left: dict[str, int]
) -> None:
    """Expand one update; `whole` has the parameters that some of whose slices are updated."""
    b, rule = Builder.before(op), UPDATE_RULES[op.operation.name]
    name, *states = rule.state_names(op)
    old = _read(b, name, types[name])
    offsets = list(op.offsets)
    limits = [start + size for start, size in zip(offsets, op.sizes, strict=True)]
    piece = b.slice(old, offsets, limits)
    tensors = _Tensors(b, type_of(piece))
    scalars = [tensors.scalar(value) for value in rule.scalars(b, op)]
    olds = [piece, *(_read(b, state, types[state]) for state in states)]
    new, *new_states = rule.formula(tensors, op, op.gradient, scalars, olds)
    for state, value in zip(states, new_states, strict=True):
        _assign(b, state, value)
    whole[name] = _put(b, whole.get(name, old), new, offsets)
    left[name] -= 1
    if left[name] == 0:
        _assign(b, name, whole[name])
    op.operation.erase()


def _read(b: Builder, name: str, type_: RankedTensorType) -> Value:
    attributes = {"parameter": FlatSymbolRefAttr.get(name)}
    return b.create("pock.read", [], [type_], attributes).results[0]


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
