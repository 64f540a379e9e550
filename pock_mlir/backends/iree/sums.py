"""Sums of products of slices, each in a kernel that reads its slices where they lie.

`choose-kernels` writes a convolution as a sum of products, one for each place of its kernel, and
likewise a long contraction, piece by piece. Left to IREE, each would read copies of its slices, and
the sum would be formed on the side.
"""

from __future__ import annotations

from typing import Any

from pock_mlir.backends.iree.contraction import contract, starting_sums
from pock_mlir.backends.iree.dispatch import Binding, dispatch
from pock_mlir.backends.iree.gradients import without_units
from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Module, Operation, OpResult, Value
from pock_mlir.passes.kernels.contraction import PART, block_of, tile_of
from pock_mlir.rewriting import named_ops


def lower_sums(module: Module) -> None:
    """Lower every `dot_general` that has a tile and is a part of a sum."""
    for op in named_ops(module, "stablehlo.dot_general"):
        if tile_of(op) is not None and PART in op.operation.attributes:
            _lower(op.operation)


def _lower(op: Operation) -> None:
    """The product alone, or added to what nothing else uses, in that one's memory."""
    total = _sum_of(op)
    b = Builder.before(op)
    streams = block_of(op) > 0
    if total is not None:
        before = total.operands[0]
    elif streams:
        before = starting_sums(b, op)
    else:
        before = b.create("flow.tensor.empty", [], [op.results[0].type]).results[0]
    adds = streams or total is not None
    shape = shape_of(before)
    whole = Binding(before, [0] * len(shape), shape, shape, written=True)

    def compute(inner: Builder, operands: list[Value], old: list[Value]) -> list[Value]:
        return [contract(inner, op, operands, old[0] if adds else None)]

    (new,) = dispatch(b, [_part(b, operand) for operand in op.operands], [whole], compute)
    replaced = op if total is None else total
    replaced.results[0].replace_all_uses_with(new)
    if total is not None:
        total.erase()
    op.erase()


def _sum_of(op: Operation) -> Operation | None:
    """The `sum + product` of the parts before, if nothing else reads the sum or the product."""
    uses = list(op.results[0].uses)
    if len(uses) != 1 or uses[0].operand_number != 1:
        return None
    total = uses[0].owner.operation
    before = _definition(total.operands[0], "flow.dispatch.workgroups")
    alone = len(list(total.operands[0].uses)) == 1
    return total if total.name == "stablehlo.add" and before is not None and alone else None


def _part(b: Builder, value: Value) -> Binding:
    """What a slice, perhaps without some dimensions of extent 1, is taken from, and where."""
    shape, source = shape_of(value), value
    reshape = _definition(value, "stablehlo.reshape")
    if reshape is not None and without_units(reshape.operands[0]) == without_units(value):
        source = reshape.operands[0]
    sizes = shape_of(source)
    part = _definition(source, "stablehlo.slice")
    if part is None:
        return Binding(source, [0] * len(sizes), sizes, shape)
    start, strides = (
        list(DenseI64ArrayAttr(part.attributes[name])) for name in ("start_indices", "strides")
    )
    return Binding.part(b, part.operands[0], start, sizes, shape, strides=strides)


def _definition(value: Value, name: str) -> Operation | None:
    """The op of that name that defines `value`."""
    if not isinstance(value, OpResult):
        return None
    op: Any = value.owner
    return op.operation if op.operation.name == name else None
