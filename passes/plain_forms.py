"""Ops that say in a special way what others say in a general one, as the general ones."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import (
    BoolAttr,
    IntegerAttr,
    RankedTensorType,
    StringAttr,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.patterns import Patterns, producer

PATTERNS = Patterns()


@PATTERNS.on("stablehlo.get_tuple_element")
def element(b: Builder, op: Any) -> Value | None:
    """get_tuple_element(tuple(x, y), 1) = y"""
    whole = producer(op.operands[0], "stablehlo.tuple")
    return whole and whole.operands[IntegerAttr(op.attributes["index"]).value]


# ---- map -----------------------------------------------------------------------------------


@PATTERNS.on("stablehlo.map")
def elementwise(b: Builder, op: Any) -> Value | None:
    """map(f, x, y) = f(x, y), where f is made of elementwise ops"""
    block = op.regions[0].blocks[0]
    *ops, end = block.operations
    if any(len(inner.regions) or len(inner.results) != 1 for inner in ops):
        return None
    shape = shape_of(op.result)
    values = dict(zip(block.arguments, op.operands, strict=True))
    for inner in ops:
        operands = [_of_shape(b, values, x, shape) for x in inner.operands]
        values[inner.result] = _applied(b, inner, operands, shape)
    return _of_shape(b, values, end.operands[0], shape)


def _of_shape(b: Builder, values: dict[Any, Value], scalar: Value, shape: list[int]) -> Value:
    """What a scalar of the region is of whole tensors; one from outside is repeated."""
    if scalar not in values:
        values[scalar] = b.broadcast_in_dim(scalar, shape, [])
    return values[scalar]


def _applied(b: Builder, inner: Any, operands: list[Value], shape: list[int]) -> Value:
    type_ = RankedTensorType.get(shape, type_of(inner.result).element_type)
    if not operands:
        same = b.create(inner.name, [], [inner.result.type], _attributes(inner))
        return b.broadcast_in_dim(same.results[0], shape, [])
    return b.create(inner.name, operands, [type_], _attributes(inner)).results[0]


def _attributes(op: Any) -> dict[str, Any]:
    return {name: op.attributes[name] for name in op.attributes}


# ---- einsum --------------------------------------------------------------------------------


@PATTERNS.on("stablehlo.einsum")
def contraction(b: Builder, op: Any) -> Value | None:
    """einsum("abc,acd->bd") as a contraction and a transpose; not where a letter repeats"""
    config = StringAttr(op.attributes["einsum_config"]).value.replace(" ", "")
    inputs, _, output = config.partition("->")
    left, _, right = inputs.partition(",")
    if "." in config or any(len(set(each)) < len(each) for each in (left, right, output)):
        return None
    lhs, left = _summed(b, op.operands[0], left, right + output)
    rhs, right = _summed(b, op.operands[1], right, left + output)
    batch = [letter for letter in left if letter in right and letter in output]
    contracted = [letter for letter in left if letter in right and letter not in output]
    product = b.dot_general(
        lhs, rhs, _positions(left, right, contracted), _positions(left, right, batch)
    )
    taken = {*batch, *contracted}
    order = [*batch, *(each for each in left + right if each not in taken)]
    return b.transpose(product, [order.index(letter) for letter in output])


def _summed(b: Builder, x: Value, letters: str, others: str) -> tuple[Value, str]:
    """Sum over the letters that nothing else has."""
    alone = [i for i, letter in enumerate(letters) if letter not in others]
    return b.reduce_add(x, alone), "".join(letter for letter in letters if letter in others)


def _positions(left: str, right: str, letters: list[str]) -> tuple[list[int], list[int]]:
    return [left.index(each) for each in letters], [right.index(each) for each in letters]


# ---- torch_index_select --------------------------------------------------------------------


@PATTERNS.on("stablehlo.torch_index_select")
def gather(b: Builder, op: Any) -> Value | None:
    """Whole slices by an index in one dimension, per batch"""
    x, indices = op.operands
    dimension = IntegerAttr(op.attributes["dim"]).value
    batches = list(range(IntegerAttr(op.attributes["batch_dims"]).value))
    rank = len(shape_of(x))
    added = len(shape_of(indices)) - len(batches)
    offset = [i + (added - 1 if i > dimension else 0) for i in range(rank) if i != dimension]
    sizes = [1 if i == dimension or i in batches else n for i, n in enumerate(shape_of(x))]
    numbers = stablehlo_bindings.GatherDimensionNumbers.get(
        [i for i in offset if i not in batches],
        [dimension],
        batches,
        batches,
        [dimension],
        len(shape_of(indices)),
    )
    attributes = {
        "dimension_numbers": numbers,
        "slice_sizes": i64s(sizes),
        "indices_are_sorted": BoolAttr.get(False),
    }
    return b.create("stablehlo.gather", [x, indices], [op.result.type], attributes).results[0]
