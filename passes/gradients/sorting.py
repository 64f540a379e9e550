"""Derivatives of sorting: the gradient goes back to where each element came from."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64, shape_of, type_of
from pock_mlir.ir import BoolAttr, IntegerType, RankedTensorType, Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient
from pock_mlir.passes.regions import copy_body


@gradient("stablehlo.sort")
def sort(b: GradientBuilder, op: Any, dys: Any) -> Cotangents:
    """The forward sorts positions along, the gradients are sorted by position."""
    each = list(dys) if isinstance(dys, tuple) else [dys]
    known = [i for i, dy in enumerate(each) if dy is not None]
    positions = _sorted_positions(b, op)
    back = _sort_by_first(b, op, [positions, *(each[i] for i in known)])
    gradients: list[Value | None] = [None] * len(each)
    for i, dx in zip(known, back, strict=True):
        gradients[i] = dx
    return gradients


def _sorted_positions(outer: GradientBuilder, op: Any) -> Value:
    """Have the forward also say where each element came from, along the dimension it sorts."""
    b = Builder.before(op)
    shape = shape_of(op.operands[0])
    index = IntegerType.get_signless(32)
    positions = b.iota(RankedTensorType.get(shape, index), _dimension(op))
    operands = [*op.operands, positions]
    attributes = {name: op.attributes[name] for name in op.attributes}
    new = b.create(op.name, operands, [x.type for x in operands], attributes, regions=1)
    source = op.regions[0].blocks[0]
    types = [*(argument.type for argument in source.arguments), *_scalars(positions) * 2]
    block = new.regions[0].blocks.append(*types, arg_locs=[b.location] * len(types))
    inner = outer.within(block)
    mapping = dict(zip(source.arguments, block.arguments, strict=False))
    _, results = copy_body(source, inner.insertion_point, mapping)
    inner.create("stablehlo.return", results, [])
    *values, positions = new.results
    outer.replace_later(op, values)
    return positions


def _dimension(op: Any) -> int:
    """The dimension that is sorted; the last one if none is given."""
    given = op.attributes["dimension"].value if "dimension" in op.attributes else -1
    return given % len(shape_of(op.operands[0]))


def _scalars(*values: Value) -> list[RankedTensorType]:
    return [RankedTensorType.get([], type_of(value).element_type) for value in values]


def _sort_by_first(b: GradientBuilder, like: Any, operands: list[Value]) -> list[Value]:
    """All but the first operand, in the order in which the first, all distinct, is ascending."""
    attributes = {"dimension": i64(_dimension(like)), "is_stable": BoolAttr.get(False)}
    op = b.create(like.name, operands, [x.type for x in operands], attributes, regions=1)
    types = [type_ for operand in operands for type_ in _scalars(operand) * 2]
    block = op.regions[0].blocks.append(*types, arg_locs=[b.location] * len(types))
    inner = b.within(block)
    less = inner.compare("LT", block.arguments[0], block.arguments[1])
    inner.create("stablehlo.return", [less], [])
    return list(op.results)[1:]


@gradient("chlo.top_k")
def top_k(b: GradientBuilder, op: Any, dys: Any) -> Cotangents:
    """Each of the k gradients is added to the element that its index names: a one-hot sum."""
    dy, _ = dys
    if dy is None:
        return (None,)
    x, indices = op.operands[0], op.results[1]
    shape, rank = shape_of(x), len(shape_of(x))
    spread = [*shape[:-1], shape_of(indices)[-1], shape[-1]]
    places = b.iota(RankedTensorType.get(spread, type_of(indices).element_type), rank)
    chosen = b.compare("EQ", places, b.broadcast_in_dim(indices, spread, list(range(rank))))
    terms = b.broadcast_in_dim(dy, spread, list(range(rank)))
    return (b.reduce_add(b.select(chosen, terms, b.zeros_like(terms)), [rank - 1]),)
