"""`narrow-gradients`: compute only the slices of gradients that updates ask for."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Module, OpResult, Value
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.narrowing import FREE, RULES, Site
from pock_mlir.passes.narrowing.site import STATE, slice_bounds
from pock_mlir.passes.regions import reads
from pock_mlir.passes.update_rules import UPDATE_RULES
from pock_mlir.rewriting import body, erase_dead_ops, functions, is_dead

UPDATES = {"pock.update", *UPDATE_RULES}
Bounds = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class NarrowGradients(ModulePass):
    """Push the slices that feed updates up through what makes the gradient.

    Requires: nothing. Ensures: the same values are computed. A slice that only updates need is
    pushed through contractions, gradients of convolutions, reductions, and ops that move elements
    or work on each, as long as

    - all that uses the producer's result are such slices, which together are not larger than it:
      no contraction, and no elementwise op either, is computed twice over;
    - the producer is no part of the forward computation. There the slice stops, right after the
      op that makes the activation, so that only the slice is kept for the backward.

    Constants and broadcasts are narrowed wherever they are, as that costs nothing. What cannot be
    pushed (spatial parts of convolutions, parts of several groups) stays a slice.

        %dw = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]  // 64x16
        %0 = stablehlo.slice %dw [0:8, 0:16]
        "pock.update"(%0) {parameter = @w, ...}
    becomes
        %x_part = stablehlo.slice %x [0:32, 0:8]                           // where %x is made
        %0 = stablehlo.dot_general %x_part, %dy, contracting_dims = [0] x [0]
        "pock.update"(%0) {parameter = @w, ...}
    """

    name = "narrow-gradients"

    def run(self, module: Module) -> None:
        erase_dead_ops(module)
        for function in functions(module):
            _narrow(function)
        erase_dead_ops(module)


def _narrow(function: Any) -> None:
    """Visit the ops backwards: all that may slice an op's result is settled before the op."""
    ops = [op.operation for op in body(function).operations]
    forward = _forward(ops)
    wanted = {op for op in ops if slice_bounds(op) and _only_updates_use(op)}
    for op in reversed(ops):
        if is_dead(op):
            op.erase()
        elif len(op.results) == 1:
            slices = [u.owner.operation for u in op.results[0].uses if u.owner.operation in wanted]
            if slices and op.name in RULES and _pays(op, slices, op in forward):
                _push(op, slices, wanted)
            elif slices:
                _stop(op, slices, wanted)


def _only_updates_use(op: Any) -> bool:
    return all(use.owner.operation.name in UPDATES for use in op.results[0].uses)


def _forward(ops: list[Any]) -> set[Any]:
    """What the results of the function, or what it assigns, are computed from."""
    found: set[Any] = set()
    stack = [op for op in ops if not op.results and op.name not in UPDATES]
    while stack:
        for operand in reads(stack.pop()):
            if isinstance(operand, OpResult) and operand.owner.operation not in found:
                found.add(operand.owner.operation)
                stack.append(operand.owner.operation)
    return found


def _pays(op: Any, slices: list[Any], is_forward: bool) -> bool:
    """Whether to compute slices of the op's result instead of the result."""
    if op.name in FREE:
        return True
    if is_forward or len(slices) < len(list(op.results[0].uses)):
        return False
    sizes = {_bounds(s): math.prod(shape_of(s.results[0])) for s in slices}
    return sum(sizes.values()) <= math.prod(shape_of(op.results[0]))


def _bounds(op: Any) -> Bounds:
    bounds = slice_bounds(op)
    assert bounds is not None
    return tuple(bounds[0]), tuple(bounds[1])


def _by_bounds(slices: list[Any]) -> dict[Bounds, list[Any]]:
    found: dict[Bounds, list[Any]] = defaultdict(list)
    for piece in slices:
        found[_bounds(piece)].append(piece)
    return found


def _push(op: Any, slices: list[Any], wanted: set[Any]) -> None:
    """Replace the slices of the op's result by the op on slices, as far as its rule can."""
    for bounds, same in _by_bounds(slices).items():
        narrow = _narrowed(op, bounds, wanted)
        if narrow is None:
            _stop(op, same, wanted)
        else:
            _replace(same, narrow, wanted)
    if is_dead(op):
        op.erase()


def _stop(op: Any, slices: list[Any], wanted: set[Any]) -> None:
    """Leave one slice of each kind, right after the op whose result it is of."""
    if op.name in STATE:
        return
    for first, *others in _by_bounds(slices).values():
        first.move_after(op)
        _replace(others, first.results[0], wanted)


def _replace(slices: list[Any], value: Value, wanted: set[Any]) -> None:
    for piece in slices:
        piece.results[0].replace_all_uses_with(value)
        wanted.discard(piece)
        piece.erase()


def _narrowed(op: Any, bounds: Bounds, wanted: set[Any]) -> Value | None:
    """The op's result within bounds, from slices of its operands, a dimension after the other."""
    site = Site(op)
    rest = list(bounds[0]), list(bounds[1])
    value: Value | None = None
    for dimension, size in enumerate(shape_of(op.results[0])):
        start, stop = bounds[0][dimension], bounds[1][dimension]
        if stop - start < size:
            narrow = site.narrow(dimension, start, stop)
            if narrow is not None:
                value = narrow
                rest[0][dimension], rest[1][dimension] = 0, stop - start
    wanted.update(site.finish())
    if value is None:
        return None
    return Builder.before(op).slice(value, *rest)
