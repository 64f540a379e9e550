"""Ops with regions: what they read from outside, and copies of what is inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pock_mlir.ir import Block, InsertionPoint, Value
from pock_mlir.rewriting import nested_ops


def captures(op: Any) -> list[Value]:
    """The values from outside that the regions of `op` use, each once."""
    inside: set[Value] = set()
    found: dict[Value, None] = {}
    for block in _blocks(op):
        inside.update(block.arguments)
        for inner in block.operations:
            found.update(dict.fromkeys(value for value in inner.operands if value not in inside))
            inside.update(inner.results)
    return list(found)


def reads(op: Any) -> list[Value]:
    """The operands of `op`, and what its regions capture."""
    return [*op.operands, *captures(op)] if len(op.regions) else list(op.operands)


def _blocks(op: Any) -> Iterator[Block]:
    """The blocks in `op`, outer ones before those that are nested in them."""
    for region in op.regions:
        for block in region.blocks:
            yield block
            for inner in block.operations:
                yield from _blocks(inner)


def copy_body(
    block: Block, where: InsertionPoint, mapping: dict[Any, Any]
) -> tuple[list[Any], list[Value]]:
    """Copy the ops of `block`, but for its terminator.

    Args:
        block: what to copy.
        where: where the copies go.
        mapping: what takes the place of a value in the copies; gets the results of the copies.

    Returns:
        The copies, and what takes the place of the terminator's operands.
    """
    *ops, end = block.operations
    copies = []
    for op in ops:
        copy = op.operation.clone(ip=where)
        copies.append(copy)
        _substitute(copy, mapping)
        mapping.update(zip(op.results, copy.results, strict=True))
    return copies, [mapping.get(value, value) for value in end.operands]


def _substitute(op: Any, mapping: dict[Any, Any]) -> None:
    for index, value in enumerate(op.operands):
        if value in mapping:
            op.operands[index] = mapping[value]
    for inner in nested_ops(op):
        for index, value in enumerate(inner.operands):
            if value in mapping:
                inner.operands[index] = mapping[value]
