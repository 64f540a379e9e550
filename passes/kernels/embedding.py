"""The gradient of an embedding without a scatter, which runs out of stack in IREE.

Rows of the table that a token named get the sum of the tokens' gradients. Tokens that named the
same row are added first, by a small matrix product; then every row of the table looks its sum up.
The look-up is a gather, which a backend can compute inside the kernel of the update.
"""

from __future__ import annotations

import math
from typing import Any

from pock_mlir.dialects.constants import is_splat
from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import (
    BoolAttr,
    F32Type,
    IntegerType,
    RankedTensorType,
    UnitAttr,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.kernels.form import Form


def adds_rows(op: Any) -> bool:
    """Whether a scatter adds whole rows to a matrix of zeros, each at an index of its own."""
    if len(op.operands) != 3 or not is_splat(op.operands[0], 0):
        return False
    table, indices, rows = (shape_of(operand) for operand in op.operands)
    numbers = stablehlo_bindings.ScatterDimensionNumbers(op.attributes["scatter_dimension_numbers"])
    vector = numbers.index_vector_dim
    plain = not list(numbers.input_batching_dims) and (
        vector == len(indices) or (vector == len(indices) - 1 and indices[-1] == 1)
    )
    combiner = [each.operation.name for each in op.regions[0].blocks[0].operations]
    return (
        plain
        and len(table) == 2
        and rows[-1] == table[1]
        and list(numbers.inserted_window_dims) == [0]
        and list(numbers.update_window_dims) == [len(rows) - 1]
        and list(numbers.scattered_dims_to_operand_dims) == [0]
        and combiner == ["stablehlo.add", "stablehlo.return"]
    )


def look_up(b: Builder, op: Any) -> Value:
    """sums[n + 1] = sum of the rows with row n's index;  result[v] = sums[n + 1], or 0"""
    (count, width), rows = shape_of(op.operands[0]), op.operands[2]
    number = math.prod(shape_of(rows)[:-1])
    indices = b.reshape(op.operands[1], [number])
    sums = _sums(b, indices, b.reshape(rows, [number, width]))
    return take_rows(b, b.pad(sums, [1, 0], [0, 0]), _places(b, indices, count))


def _sums(b: Builder, indices: Value, rows: Value) -> Value:
    """For each token, the sum of the rows of all tokens with the same index."""
    (number,) = shape_of(indices)
    across = b.broadcast_in_dim(indices, [number, number], [1])
    down = b.broadcast_in_dim(indices, [number, number], [0])
    same = b.convert(b.compare("EQ", across, down), type_of(rows).element_type)
    return b.dot_general(same, rows, ([1], [0]))


def _places(b: Builder, indices: Value, count: int) -> Value:
    """For each of `count` indices, one more than the last token that has it; 0 where there is none.

    The maximum is taken in f32, in which numbers of tokens are exact.
    """
    (number,), element = shape_of(indices), type_of(indices).element_type
    shape = [count, number]
    numbers = RankedTensorType.get(shape, F32Type.get())
    token = b.add(b.iota(numbers, 1), b.splat(1, numbers))
    index = b.iota(RankedTensorType.get(shape, element), 0)
    match = b.compare("EQ", b.broadcast_in_dim(indices, shape, [1]), index)
    last = b.reduce("maximum", b.select(match, token, b.splat(0, numbers)), [1])
    return b.convert(last, IntegerType.get_signless(32))


def take_rows(b: Builder, rows: Value, indices: Value) -> Value:
    """rows[indices], of a matrix and a vector; `pock.inside` says that all indices are inside."""
    (count,), width = shape_of(indices), shape_of(rows)[1]
    numbers = stablehlo_bindings.GatherDimensionNumbers.get([1], [0], [], [], [0], 1)
    return b.create(
        "stablehlo.gather",
        [rows, indices],
        [RankedTensorType.get([count, width], type_of(rows).element_type)],
        {
            "dimension_numbers": numbers,
            "slice_sizes": i64s([1, width]),
            "indices_are_sorted": BoolAttr.get(False),
            "pock.inside": UnitAttr.get(),
        },
    ).results[0]


FORMS = [Form("look-up", adds_rows, look_up)]
