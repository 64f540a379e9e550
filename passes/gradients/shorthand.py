"""Ops that say shorter what others say, and are differentiated as those."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.dialects.stablehlo.control import counted_loop, element, with_element
from pock_mlir.ir import BoolAttr, DenseI32ArrayAttr, DenseI64ArrayAttr, RankedTensorType, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.expansion import expansion
from pock_mlir.passes.gradients.registry import no_gradient
from pock_mlir.passes.regions import copy_body

no_gradient(
    "chlo.broadcast_and",
    "chlo.broadcast_compare",
    "chlo.broadcast_or",
    "chlo.broadcast_shift_left",
    "chlo.broadcast_shift_right_arithmetic",
    "chlo.broadcast_shift_right_logical",
    "chlo.broadcast_xor",
    "chlo.constant",
    "chlo.constant_like",
)

_OF_CHLO = ("next_after", "polygamma", "zeta")


@expansion(
    "chlo.broadcast_add",
    "chlo.broadcast_atan2",
    "chlo.broadcast_complex",
    "chlo.broadcast_divide",
    "chlo.broadcast_maximum",
    "chlo.broadcast_minimum",
    "chlo.broadcast_multiply",
    "chlo.broadcast_next_after",
    "chlo.broadcast_polygamma",
    "chlo.broadcast_power",
    "chlo.broadcast_remainder",
    "chlo.broadcast_select",
    "chlo.broadcast_subtract",
    "chlo.broadcast_zeta",
)
def broadcasting(b: Builder, op: Any) -> list[Value]:
    """The op of this name on operands that are repeated to the shape of the result."""
    name = op.name.removeprefix("chlo.broadcast_")
    dialect = "chlo" if name in _OF_CHLO else "stablehlo"
    result = op.results[0]
    operands = [_spread(b, op, x, shape_of(result)) for x in op.operands]
    return list(b.create(f"{dialect}.{name}", operands, [result.type]).results)


def _spread(b: Builder, op: Any, x: Value, shape: list[int]) -> Value:
    """x repeated to `shape`; where nothing else is said, dimensions are counted from the last."""
    if shape_of(x) == shape:
        return x
    rank = len(shape_of(x))
    dimensions = list(range(len(shape) - rank, len(shape)))
    if "broadcast_dimensions" in op.attributes and rank < len(shape):
        dimensions = list(DenseI64ArrayAttr(op.attributes["broadcast_dimensions"]))
    return b.broadcast_in_dim(x, shape, dimensions)


@expansion("stablehlo.dot")
def dot(b: Builder, op: Any) -> list[Value]:
    """The contraction of the last dimension of x with the first one of y."""
    x, y = op.operands
    return [b.dot_general(x, y, ([len(shape_of(x)) - 1], [0]))]


@expansion("stablehlo.broadcast")
def broadcast(b: Builder, op: Any) -> list[Value]:
    """x repeated along new leading dimensions."""
    x, shape = op.operands[0], shape_of(op.results[0])
    return [b.broadcast_in_dim(x, shape, range(len(shape) - len(shape_of(x)), len(shape)))]


# ---- ragged_dot ----------------------------------------------------------------------------


@expansion("chlo.ragged_dot")
def ragged_dot(b: Builder, op: Any) -> list[Value]:
    """A contraction of x, spread over groups of rows, with zeros for the rows of other groups.

    Its groups are a dimension of y (then it is contracted as well) or, where the rows themselves
    are contracted, the first one of the result.

    Raises:
        PassError: the sizes of the groups are not a vector.
    """
    x, y, sizes = op.operands
    if type_of(sizes).rank != 1:
        raise PassError.at(op, "chlo.ragged_dot with group sizes per batch has no derivative rule")
    of_x, of_y = (_numbers(op, side) for side in ("lhs", "rhs"))
    batching = (of_x["batching"], of_y["batching"])
    contracting = (of_x["contracting"], of_y["contracting"])
    ragged, last = of_x["ragged"][0], type_of(x).rank
    if ragged in batching[0]:
        return [b.dot_general(x, y, contracting, batching)]
    spread = _by_group(b, x, ragged, sizes)
    if ragged not in contracting[0]:
        contracting = ([*contracting[0], last], [*contracting[1], *of_y["group"]])
        return [b.dot_general(spread, y, contracting, batching)]
    product = b.dot_general(spread, y, contracting, batching)
    group = last - len(contracting[0])
    others = [i for i in range(len(shape_of(product))) if i != group]
    return [b.transpose(product, [group, *others])]


def _numbers(op: Any, side: str) -> dict[str, list[int]]:
    """The dimension numbers of one operand; the bindings have no class for them."""
    text = str(op.attributes["ragged_dot_dimension_numbers"])
    found = dict.fromkeys(("batching", "contracting", "ragged", "group"), "")
    found.update(re.findall(rf"{side}_(\w+?)_dimensions = \[([\d, ]*)\]", text))
    return {key: [int(n) for n in re.findall(r"\d+", value)] for key, value in found.items()}


def _by_group(b: Builder, x: Value, ragged: int, sizes: Value) -> Value:
    """x with a last dimension for the group, zeros for the rows that are not in the group."""
    shape = [*shape_of(x), shape_of(sizes)[0]]
    count, element = shape[-1], type_of(sizes).element_type
    ends = b.reduce_window("add", sizes, [count], [1], [count - 1], [0])
    row = b.iota(RankedTensorType.get(shape, element), ragged)
    last = [len(shape) - 1]
    inside = b.logical_and(
        b.compare("GE", row, b.broadcast_in_dim(b.subtract(ends, sizes), shape, last)),
        b.compare("LT", row, b.broadcast_in_dim(ends, shape, last)),
    )
    repeated = b.broadcast_in_dim(x, shape, range(len(shape) - 1))
    return b.select(inside, repeated, b.zeros_like(repeated))


# ---- scan ----------------------------------------------------------------------------------


@expansion("chlo.scan")
def scan(b: Builder, op: Any) -> list[Value]:
    """A loop over one dimension, whose region takes and gives slices, and what it carries on."""
    inputs, _ = DenseI32ArrayAttr(op.attributes["operandSegmentSizes"])
    outputs, _ = DenseI32ArrayAttr(op.attributes["resultSegmentSizes"])
    dimension = op.attributes["dimension"].value
    sources, carried = list(op.operands[:inputs]), list(op.operands[inputs:])
    made = list(op.results[:outputs])
    count = shape_of([*sources, *made][0])[dimension]
    backwards = "is_reverse" in op.attributes and BoolAttr(op.attributes["is_reverse"]).value

    def step(b: Builder, i: Value, state: Sequence[Value]) -> list[Value]:
        at = {dimension: b.subtract(b.full_like(i, count - 1), i) if backwards else i}
        slices = [_without(b, element(b, x, at), dimension) for x in sources]
        block = op.regions[0].blocks[0]
        mapping = dict(zip(block.arguments, [*slices, *state[outputs:]], strict=True))
        _, results = copy_body(block, b.insertion_point, mapping)
        stored = [
            with_element(b, whole, _with(b, y, dimension), at)
            for whole, y in zip(state[:outputs], results[:outputs], strict=True)
        ]
        return [*stored, *results[outputs:]]

    return counted_loop(b, count, [*(b.zeros_like(y) for y in made), *carried], step)


def _without(b: Builder, x: Value, dimension: int) -> Value:
    shape = shape_of(x)
    return b.reshape(x, [*shape[:dimension], *shape[dimension + 1 :]])


def _with(b: Builder, x: Value, dimension: int) -> Value:
    shape = shape_of(x)
    return b.reshape(x, [*shape[:dimension], 1, *shape[dimension:]])
