"""Dead code elimination that looks into branches and loops: what no one needs is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Block, BlockArgument, InsertionPoint, Module, Value
from pock_mlir.passes.regions import copy_body, reads
from pock_mlir.rewriting import body, functions, has_effect, is_dead


def erase_dead_code(module: Module) -> None:
    """Erase dead ops of every function, and results of branches and loops that nothing uses.

    A value that a loop carries goes, too, when it serves no result but itself: the gradient by a
    weight that is frozen is not added up over the trips.
    """
    for function in functions(module):
        _sweep(body(function))


def _sweep(block: Block) -> None:
    """One sweep backwards: all users of an op are settled before the op."""
    for op in reversed(list(block.operations)):
        if is_dead(op):
            op.operation.erase()
            continue
        narrow = _NARROWED.get(op.operation.name)
        if narrow is not None:
            for region in (narrow(op) or op).regions:
                _sweep(region.blocks[0])


def _used(op: Any) -> list[int]:
    return [i for i, result in enumerate(op.results) if any(True for _ in result.uses)]


def _branches(op: Any) -> Any | None:
    """The branches with the results that are used; None when all are."""
    kept = _used(op)
    if len(kept) == len(op.results):
        return None
    b = Builder.before(op)
    types = [op.results[i].type for i in kept]
    new = b.create(op.operation.name, list(op.operands), types, regions=len(op.regions))
    for source, target in zip(op.regions, new.regions, strict=True):
        _copy(source.blocks[0], target.blocks.append(), [], kept)
    _replace(op, new, kept)
    return new


def _loop(op: Any) -> Any | None:
    """The loop with the carried values that serve a result that is used; None when all do."""
    kept = _serving(op)
    if len(kept) == len(op.results) or has_effect(op):
        return None
    b = Builder.before(op)
    operands = [op.operands[i] for i in kept]
    types = [operand.type for operand in operands]
    new = b.create("stablehlo.while", operands, types, regions=2)
    condition, repeated = (
        region.blocks.append(*types, arg_locs=[b.location] * len(types)) for region in new.regions
    )
    _copy(op.regions[0].blocks[0], condition, kept, [0])
    _copy(op.regions[1].blocks[0], repeated, kept, kept)
    _replace(op, new, kept)
    return new


_NARROWED = {"stablehlo.if": _branches, "stablehlo.case": _branches, "stablehlo.while": _loop}


def _serving(op: Any) -> list[int]:
    """The carried values that a used result, or the condition, depends on in some trip."""
    condition, repeated = (region.blocks[0] for region in op.regions)
    kept = {*_used(op), *_arguments(condition, _yielded(condition))}
    while True:
        needed = _arguments(repeated, [_yielded(repeated)[i] for i in kept])
        if needed <= kept:
            return sorted(kept)
        kept |= needed


def _yielded(block: Block) -> list[Value]:
    return list(block.operations[len(block.operations) - 1].operands)


def _arguments(block: Block, values: Sequence[Value]) -> set[int]:
    """The arguments of a block that values depend on."""
    found: set[int] = set()
    seen: set[Value] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if value in seen:
            continue
        seen.add(value)
        if isinstance(value, BlockArgument):
            found |= {value.arg_number} if value.owner == block else set()
        elif value.owner.operation.block == block:
            stack += reads(value.owner.operation)
    return found


def _copy(source: Block, target: Block, arguments: list[int], results: list[int]) -> None:
    """Copy the ops that some results of a block need; the arguments are those of these numbers."""
    mapping = {
        source.arguments[i]: new for i, new in zip(arguments, target.arguments, strict=False)
    }
    where = InsertionPoint(target)
    _, values = copy_body(source, where, mapping)
    end = source.operations[len(source.operations) - 1]
    Builder(where, end.location).create("stablehlo.return", [values[i] for i in results], [])
    _sweep(target)  # what else was copied may read arguments that are gone


def _replace(op: Any, new: Any, kept: list[int]) -> None:
    for i, result in zip(kept, new.results, strict=True):
        op.results[i].replace_all_uses_with(result)
    op.operation.erase()
