"""Elementwise ops in the shape of the product that they read, so that IREE computes them with it.

A product with its right operand in panels is [m, n / columns, columns], and another is a matrix.
What reads it, reads a reshape of that to a matrix or an image. IREE sees through the reshape where
the op has one operand of this size. Where it has more, as with the mask of a ReLU's gradient, it
gives the op a kernel of its own, which reads what the product has just written.
"""

from __future__ import annotations

import math
from typing import Any

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import ELEMENTWISE, Builder, shape_of, type_of
from pock_mlir.ir import DenseI64ArrayAttr, Module, OpResult, RankedTensorType, Value
from pock_mlir.passes.gradients.ahead import KEPT
from pock_mlir.passes.kernels.contraction import tile_of
from pock_mlir.passes.patterns import producer, unreshaped
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
                    y = _computed(b, op, source)
                    products.add(y)
                    op.results[0].replace_all_uses_with(b.reshape(y, shape_of(op.results[0])))
                    op.erase()
    erase_dead_ops(module)


def _reshaped(value: Value) -> Value | None:
    """What a value is a reshape of, if nothing else than elementwise ops reads that."""
    if producer(value, "stablehlo.reshape") is None:
        return None
    source = unreshaped(value)
    return source if _is_for_elementwise(source) else None


def _is_for_elementwise(value: Value) -> bool:
    """Whether all that reads a value, or a reshape of it, is elementwise."""
    users = [use.owner.operation for use in value.uses]
    return all(
        _is_for_elementwise(user.results[0])
        if user.name == "stablehlo.reshape"
        else user.name in ELEMENTWISE
        for user in users
    )


def _computed(b: Builder, op: Any, product: Value) -> Value:
    """What an elementwise op computes, in the shape of a product."""
    operands = [_in_shape(b, x, product) for x in op.operands]
    attributes = {name: op.attributes[name] for name in op.attributes}
    result = RankedTensorType.get(shape_of(product), type_of(op.results[0]).element_type)
    return b.create(op.name, operands, [result], attributes).results[0]


def _in_shape(b: Builder, value: Value, product: Value) -> Value:
    """A value in the shape of a product, computed in that as far as it is for this alone."""
    shape = shape_of(product)
    if shape_of(value) in (shape, []):  # a select or a clamp has scalars beside
        return value
    number = splat_of(value)
    if number is not None:
        return b.splat(number, RankedTensorType.get(shape, type_of(value).element_type))
    op: Any = isinstance(value, OpResult) and value.owner.operation
    if not op or op.block != product.owner.operation.block:
        return b.reshape(value, shape)
    if op.name == "stablehlo.broadcast_in_dim" and _is_by_channel(op):
        channels = shape_of(op.operands[0])[0]
        first = next((i for i in range(len(shape)) if math.prod(shape[i:]) == channels), None)
        if first is not None:
            vector = b.reshape(op.operands[0], shape[first:])
            return b.broadcast_in_dim(vector, shape, list(range(first, len(shape))))
    if op.name == "stablehlo.reshape" and _is_alone(value):
        return _in_shape(b, op.operands[0], product)
    if _is_alone(value) and _belongs_behind(op, product):
        return _computed(b, op, product)
    return b.reshape(unreshaped(value), shape)


def _is_alone(value: Value) -> bool:
    return len(list(value.uses)) == 1


def _belongs_behind(op: Any, product: Value) -> bool:
    """Whether an elementwise op is computed behind a product anyway, and no part of another one.

    What is computed before would be in memory longer, but for a mask, which IREE computes where it
    is read; what is kept is computed early on purpose.
    """
    if op.name not in ELEMENTWISE or KEPT in op.attributes:
        return False
    if any(producer(x, "stablehlo.dot_general") is not None for x in op.operands):
        return False
    is_mask = op.name == "stablehlo.compare"
    return is_mask or product.owner.operation.is_before_in_block(op)


def _is_by_channel(broadcast: Any) -> bool:
    rank = len(shape_of(broadcast.results[0]))
    return list(DenseI64ArrayAttr(broadcast.attributes["broadcast_dimensions"])) == [rank - 1]
