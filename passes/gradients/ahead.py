"""Chains of elementwise ops are differentiated in the forward, as functions of one value.

The gradient of y = f(x) is dy * f'(x). By the rules of its ops alone, a chain such as GELU or SiLU
keeps several values of the forward until then; f'(x) is one, and shares what the forward computes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import suppress

from pock_mlir.dialects.stablehlo import ELEMENTWISE, is_complex, type_of
from pock_mlir.ir import InsertionPoint, OpView, UnitAttr, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import defining_op, splat_of
from pock_mlir.passes.gradients.reverse import ReverseWalk, Signed, backpropagate

_OF_OTHER_TYPES = {"stablehlo.convert", "stablehlo.reduce_precision"}

KEPT = "pock.kept"
"""On an op of the forward: its result is for the backward, and is kept, not what it is made of."""


def derive_ahead(walk: ReverseWalk, end: OpView) -> bool:
    """Propagate through a chain of ops that ends with `end`, if that keeps fewer values.

    Returns whether it did. It is for ops of the outermost block, which the backward follows.
    """
    b = walk.builder
    chain = _chain(b, end) if walk.knows(end.results[0]) else None
    if chain is None:
        return False
    x, ops = chain
    slope = _slope(b, x, ops)
    cotangent = walk.take(end.results[0]) if slope is not None else None
    if slope is None or cotangent is None:
        return False
    walk.add(x, Signed.of(b.multiply(cotangent.value, slope)).flipped(cotangent.negative))
    return True


def _chain(b: GradientBuilder, end: OpView) -> tuple[Value, list[OpView]] | None:
    """The longest chain to `end`: what it is a function of, and its ops in order, two at least.

    What is made within it, nothing else uses.
    """
    found: tuple[Value, list[OpView]] | None = None
    ops: list[OpView] = []
    op: OpView | None = end
    leaves: set[Value] = set(end.results)
    while op is not None and _is_elementwise(b, op) and _is_used_by(b, op, ops):
        ops.append(op)
        leaves = (leaves - set(op.results)) | {x for x in op.operands if b.is_active(x)}
        if len(leaves) == 1:
            found = next(iter(leaves)), ops[::-1]
        op = _last(leaves)
    return found if found is not None and len(found[1]) > 1 else None


def _last(values: Iterable[Value]) -> OpView | None:
    """The last one of the ops that make the values; None if nothing makes one of them."""
    last: OpView | None = None
    for value in values:
        op = defining_op(value)
        if op is None:
            return None
        if last is None or last.operation.is_before_in_block(op.operation):
            last = op
    return last


def _is_used_by(b: GradientBuilder, op: OpView, ops: Sequence[OpView]) -> bool:
    """Whether nothing but `ops` uses what `op` makes; true of the first one, that ends a chain."""
    return not ops or all(user in ops for user in b.users(op.results[0]))


def _is_elementwise(b: GradientBuilder, op: OpView) -> bool:
    """Whether a real op makes each element of its result from one element and known numbers."""
    if op.name not in ELEMENTWISE or op.name in _OF_OTHER_TYPES or is_complex(op.results[0]):
        return False
    operands = op.operands[1:] if op.name == "stablehlo.select" else op.operands
    return all(
        type_of(x) == type_of(op.results[0]) if b.is_active(x) else splat_of(x) is not None
        for x in operands
    )


def _slope(b: GradientBuilder, x: Value, ops: list[OpView]) -> Value | None:
    """The derivative by x of the last of the ops, computed behind it.

    None where it reads but one value that they make: then nothing is gained. None, too, where an op
    has no derivative: the walk reports that.
    """
    (y,) = ops[-1].results
    where = InsertionPoint.after(ops[-1])
    inner = GradientBuilder(where, b.location, b.active)
    slope = None
    with suppress(PassError):
        (slope,) = backpropagate(inner, ops, [y], [inner.ones_like(y)], [x])
    following = itertools.dropwhile(lambda op: op != ops[-1], where.block.operations)
    made = list(itertools.takewhile(lambda op: op != where.ref_operation, following))[1:]
    made = _without_dead(made, slope)
    read = {value for op in made for value in op.operands if splat_of(value) is None}
    inside = {op.results[0] for op in made}
    saved = len(read - inside - {y}) > 1
    if slope is not None and slope in inside and splat_of(slope) is None and saved:
        slope.owner.attributes[KEPT] = UnitAttr.get()
        return slope
    for op in reversed(made):
        op.operation.erase()
    return None


def _without_dead(ops: list[OpView], result: Value | None) -> list[OpView]:
    """The ops that serve a result; the others, such as gradients by constants, are erased."""
    left: list[OpView] = []
    for op in reversed(ops):
        if op.results[0] == result or any(True for _ in op.results[0].uses):
            left.append(op)
        else:
            op.operation.erase()
    return left[::-1]
