"""Elementwise ops in the shape of the product that they read, so that IREE computes them with it.

A product with its right operand in panels is [m, n / columns, columns]. What reads it, reads a
reshape of that to a matrix or an image. IREE sees through the reshape where the op has one operand
of this size. Where it has more, as with the mask of a ReLU's gradient, it gives the op a kernel of
its own, which reads what the product has just written.
"""

from __future__ import annotations

import math
from typing import Any

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import ELEMENTWISE, Builder, shape_of, type_of
from pock_mlir.ir import DenseI64ArrayAttr, Module, OpResult, RankedTensorType, Value
from pock_mlir.passes.kernels.contraction import tile_of
from pock_mlir.passes.patterns import producer
from pock_mlir.rewriting import body, erase_dead_ops, functions


def lower_epilogues(module: Module) -> None:
    """Move reshapes of products that have tiles behind the elementwise ops that read them."""
    for function in functions(module):
        products: set[Value] = set()
        for op in [op.operation for op in body(function).operations]:
            if op.name == "stablehlo.dot_general" and tile_of(op) is not None:
                products.add(op.results[0])
            elif op.name in ELEMENTWISE and len(op.results) == 1:
                source = next((s for s in map(_reshaped, op.operands) if s in products), None)
                if source is not None:
                    b = Builder.before(op)
                    y = _computed(b, op, shape_of(source))
                    products.add(y)
                    op.results[0].replace_all_uses_with(b.reshape(y, shape_of(op.results[0])))
                    op.erase()
    erase_dead_ops(module)


def _reshaped(value: Value) -> Value | None:
    """What a value is a reshape of, if nothing else than elementwise ops reads that."""
    if producer(value, "stablehlo.reshape") is None:
        return None
    while reshape := producer(value, "stablehlo.reshape"):
        value = reshape.operands[0]
    return value if _is_for_elementwise(value) else None


def _is_for_elementwise(value: Value) -> bool:
    """Whether all that reads a value, or a reshape of it, is elementwise."""
    users = [use.owner.operation for use in value.uses]
    return all(
        _is_for_elementwise(user.results[0])
        if user.name == "stablehlo.reshape"
        else user.name in ELEMENTWISE
        for user in users
    )


def _computed(b: Builder, op: Any, shape: list[int]) -> Value:
    """What an elementwise op computes, in another shape."""
    operands = [_in_shape(b, x, shape) for x in op.operands]
    attributes = {name: op.attributes[name] for name in op.attributes}
    result = RankedTensorType.get(shape, type_of(op.results[0]).element_type)
    return b.create(op.name, operands, [result], attributes).results[0]


def _in_shape(b: Builder, value: Value, shape: list[int]) -> Value:
    """A value in another shape, computed in that as far as it is for this alone."""
    if shape_of(value) == shape:
        return value
    number = splat_of(value)
    if number is not None:
        return b.splat(number, RankedTensorType.get(shape, type_of(value).element_type))
    op: Any = isinstance(value, OpResult) and value.owner.operation
    alone = op and len(list(value.uses)) == 1
    if alone and op.name in ELEMENTWISE:
        return _computed(b, op, shape)
    if op and op.name == "stablehlo.reshape":
        return _in_shape(b, op.operands[0], shape)
    if op and op.name == "stablehlo.broadcast_in_dim" and _is_by_channel(op):
        channels = shape_of(op.operands[0])[0]
        first = next((i for i in range(len(shape)) if math.prod(shape[i:]) == channels), None)
        if first is not None:
            vector = b.reshape(op.operands[0], shape[first:])
            return b.broadcast_in_dim(vector, shape, list(range(first, len(shape))))
    return b.reshape(value, shape)


def _is_by_channel(broadcast: Any) -> bool:
    rank = len(shape_of(broadcast.results[0]))
    return list(DenseI64ArrayAttr(broadcast.attributes["broadcast_dimensions"])) == [rank - 1]
