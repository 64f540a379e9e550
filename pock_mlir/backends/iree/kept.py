"""What the forward computes for the backward, in one kernel with what it computes for itself.

IREE would move it to the backward, and keep all that it is computed from.
"""

from __future__ import annotations

import math

from pock_mlir.backends.iree.dispatch import enclose
from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import ELEMENTWISE, shape_of
from pock_mlir.ir import Module, Operation, OpResult, Value
from pock_mlir.passes.gradients.ahead import KEPT
from pock_mlir.passes.patterns import producer
from pock_mlir.rewriting import body, functions

_FEWEST = 256
"""Elements that are worth a kernel; IREE cannot distribute one of very few."""
_MAKERS = ELEMENTWISE | {"stablehlo.broadcast_in_dim", "stablehlo.reshape"}


def lower_kept(module: Module) -> None:
    """Give each value that is marked a kernel, with the elementwise ops around it."""
    for function in functions(module):
        for op in [op.operation for op in body(function).operations]:
            in_a_kernel = op.parent != function.operation
            if KEPT in op.attributes and not in_a_kernel and _size(op) >= _FEWEST:
                _fuse(op)


def _fuse(kept: Operation) -> None:
    """Put what is computed with `kept` into a kernel, in front of what first reads a result.

    What is read before the kernel has all its inputs, as the deviations that a variance is made of,
    stays outside.
    """
    order = {op.operation: i for i, op in enumerate(kept.block.operations)}
    outside: set[Operation] = set()
    while members := _members(kept, outside):
        inside = sorted(members, key=lambda op: order[op])
        made = {op.results[0] for op in inside}
        inputs = {value for op in inside for value in op.operands} - made
        ready = max((_place(value, order) for value in inputs), default=-1)
        early = {op for op in inside if any(order[user] <= ready for user in _users(op) - members)}
        if not early:
            readers = {user for op in inside for user in _users(op) - members}
            first = min(readers, key=lambda op: order[op])
            results = [op.results[0] for op in inside if _users(op) - members]
            _move_constants(inputs, first)
            enclose(first, inside, results)
            return
        outside |= early


def _place(value: Value, order: dict[Operation, int]) -> int:
    """Where a value is made; a constant can be made anywhere."""
    if not isinstance(value, OpResult) or producer(value, "stablehlo.constant"):
        return -1
    return order.get(value.owner.operation, -1)


def _move_constants(values: set[Value], first: Operation) -> None:
    for value in values:
        constant = producer(value, "stablehlo.constant")
        if constant is not None and first.is_before_in_block(constant.operation):
            constant.operation.move_before(first)


def _members(kept: Operation, outside: set[Operation]) -> set[Operation]:
    """The ops that `kept` is made by, and others that read nothing but what those make.

    Of the former, one whose result is used by other ops is left out.
    """
    makers = _makers(kept) - outside
    while True:
        siblings = _siblings(makers) - outside
        inside = makers | siblings
        left = {op for op in makers if op == kept or _users(op) <= inside}
        if left == makers:
            return inside if kept in inside else set()
        makers = left


def _makers(kept: Operation) -> set[Operation]:
    """The ops that `kept` is computed by, element by element."""
    found: set[Operation] = set()
    pending = [kept]
    while pending:
        op = pending.pop()
        known = op in found or op.name not in _MAKERS or _size(op) != _size(kept)
        if not known and not _changes_rows(op):
            found.add(op)
            pending += [x.owner.operation for x in op.operands if isinstance(x, OpResult)]
    return found


def _changes_rows(op: Operation) -> bool:
    """Whether an op is a reshape that changes what a row is, as that of a product in panels does.

    IREE would not distribute a kernel with both shapes.
    """
    if op.name != "stablehlo.reshape":
        return False
    before, after = shape_of(op.operands[0]), shape_of(op.results[0])
    return before[-1:] != after[-1:]


def _siblings(makers: set[Operation]) -> set[Operation]:
    """The elementwise ops that read what `makers` and each other make, and else known numbers."""
    found: set[Operation] = set()
    pending = list(makers)
    while pending:
        op = pending.pop()
        for user in _users(op) - makers - found:
            inside = makers | found
            if user.name in ELEMENTWISE and all(_is_known(x, inside) for x in user.operands):
                found.add(user)
                pending.append(user)
    return found


def _size(op: Operation) -> int:
    return math.prod(shape_of(op.results[0]))


def _is_known(value: Value, inside: set[Operation]) -> bool:
    made = isinstance(value, OpResult) and value.owner.operation in inside
    return made or splat_of(value) is not None


def _users(op: Operation) -> set[Operation]:
    """The ops of the same block that use what `op` makes, be it in their regions."""
    found: set[Operation] = set()
    for use in op.results[0].uses:
        user = use.owner.operation
        while user.block != op.block:
            user = user.parent
        found.add(user)
    return found
