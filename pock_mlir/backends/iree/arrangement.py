"""Copies that arrange an operand of a product: IREE's `transpose` takes twice as long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pock_mlir.backends.iree.contraction import barrier, largest_divisor, lowering_info
from pock_mlir.backends.iree.linalg import generic
from pock_mlir.dialects.stablehlo import ELEMENTWISE, Builder, shape_of, type_of
from pock_mlir.ir import Attribute, DenseI64ArrayAttr, Module, OpResult, RankedTensorType, Value
from pock_mlir.passes.kernels.contraction import tile_of
from pock_mlir.passes.patterns import producer, unreshaped
from pock_mlir.rewriting import named_ops

_ROWS_OF_A_GROUP = 128
_PANELS_OF_A_GROUP = 8
_LONGEST_RUN = 64
"""Columns of a vector: IREE refuses very long ones."""
_SQUARE = 8
"""Rows and columns of the block that changes places within registers."""


def lower_arrangements(module: Module) -> None:
    """Lower every transpose whose result only products that have tiles read, or of such a product.

    Barriers keep it apart from elementwise ops: fused with those, IREE would not tile it.
    """
    for op in named_ops(module, "stablehlo.transpose"):
        (result,), (operand,) = op.operation.results, op.operation.operands
        for_tiles = _is_for_tiles(result)
        if list(result.uses) and (for_tiles or _is_by_tiles(operand)):
            b = Builder.before(op)
            permutation = list(DenseI64ArrayAttr(op.operation.attributes["permutation"]))
            y = _transposed(b, _apart(b, operand), permutation)
            result.replace_all_uses_with(y if for_tiles else barrier(b, y))
            op.operation.erase()


def _is_for_tiles(value: Value) -> bool:
    for use in value.uses:
        op = use.owner.operation
        if op.name in ("stablehlo.reshape", "stablehlo.slice"):
            if not _is_for_tiles(op.results[0]):
                return False
        elif op.name != "stablehlo.dot_general" or tile_of(op) is None:
            return False
    return True


def _is_by_tiles(value: Value) -> bool:
    product = producer(unreshaped(value), "stablehlo.dot_general")
    return product is not None and tile_of(product) is not None


def _apart(b: Builder, value: Value) -> Value:
    """What is computed in a kernel of its own; a parameter, IREE would copy behind a barrier."""
    source: Any = unreshaped(value)
    computed = isinstance(source, OpResult) and source.owner.operation.name in ELEMENTWISE
    return barrier(b, value) if computed else value


def _transposed(b: Builder, value: Value, permutation: Sequence[int]) -> Value:
    """`stablehlo.transpose` as a copy, loop by loop of the result."""
    shape = [shape_of(value)[i] for i in permutation]
    result = RankedTensorType.get(shape, type_of(value).element_type)
    empty = b.create("tensor.empty", [], [result]).results[0]
    rank = len(shape)
    maps = [list(map(int, np.argsort(permutation))), list(range(rank))]
    attributes = _configuration(shape, in_runs=permutation[-1] == rank - 1)
    return generic(b, [value], [empty], maps, rank, [], lambda _, x, y: x, attributes)[0]


def _configuration(shape: Sequence[int], *, in_runs: bool) -> dict[str, Attribute]:
    """Blocks of rows that are copied in runs, or squares that are turned within registers."""
    *outer, rows, columns = shape
    wide = largest_divisor(columns, _LONGEST_RUN if in_runs else _SQUARE)
    high = largest_divisor(rows, 4 if in_runs else _SQUARE)
    group = [1] * len(outer)
    if outer:
        group[-1] = largest_divisor(outer[-1], _PANELS_OF_A_GROUP)
    tall = high * largest_divisor(rows // high, _ROWS_OF_A_GROUP // high)
    broad = wide * largest_divisor(columns // wide, max(1, _ROWS_OF_A_GROUP // wide))
    return lowering_info(
        distribution=[*group, tall, broad], vector_common_parallel=[*(1 for _ in outer), high, wide]
    )
