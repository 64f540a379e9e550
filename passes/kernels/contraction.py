"""Forms of a contraction on a processor, where how it meets the caches decides its speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Value, stablehlo_bindings

TILE = "pock.tile"
"""On a `dot_general`: rows, columns and depth of the block that the registers hold."""


@dataclass(frozen=True)
class Tile:
    """The block of a matrix product that the innermost loop computes in registers.

    Attributes:
        rows: of the result.
        columns: of the result; a multiple of what a vector register holds.
        depth: steps along the contracted dimension that are unrolled.
    """

    rows: int
    columns: int
    depth: int

    @classmethod
    def of(cls, op: Any) -> Tile | None:
        """The tile that a `dot_general` is to have, if one was chosen."""
        attributes = op.operation.attributes
        return cls(*DenseI64ArrayAttr(attributes[TILE])) if TILE in attributes else None

    def put(self, value: Value) -> Value:
        """Have the `dot_general` that makes `value` computed with this tile."""
        op: Any = value.owner
        op.attributes[TILE] = i64s([self.rows, self.columns, self.depth])
        return value


@dataclass(frozen=True)
class MatrixProduct:
    """A `dot_general` of two (stacks of) matrices.

    Attributes:
        stack: extents of the batching dimensions, which come first in both operands.
        m: rows of the result.
        n: columns of the result.
        k: extent of the contracted dimension.
        lhs_rows_first: whether lhs is [..., m, k], not [..., k, m].
        rhs_columns_last: whether rhs is [..., k, n], not [..., n, k].
    """

    stack: tuple[int, ...]
    m: int
    n: int
    k: int
    lhs_rows_first: bool
    rhs_columns_last: bool

    @classmethod
    def of(cls, op: Any) -> Self | None:
        """What `op` multiplies; None for a contraction of another kind."""
        numbers = stablehlo_bindings.DotDimensionNumbers(
            op.operation.attributes["dot_dimension_numbers"]
        )
        lhs, rhs = (shape_of(operand) for operand in op.operands)
        stacked = list(range(len(numbers.lhs_batching_dimensions)))
        contracted = (numbers.lhs_contracting_dimensions, numbers.rhs_contracting_dimensions)
        if (
            list(numbers.lhs_batching_dimensions) != stacked
            or list(numbers.rhs_batching_dimensions) != stacked
            or any(len(shape) != len(stacked) + 2 for shape in (lhs, rhs))
            or any(len(dimensions) != 1 for dimensions in contracted)
        ):
            return None
        first, last = len(stacked), len(stacked) + 1
        (i,), (j,) = contracted
        return cls(
            tuple(lhs[:first]),
            m=lhs[first + last - i],
            n=rhs[first + last - j],
            k=lhs[i],
            lhs_rows_first=i == last,
            rhs_columns_last=j == first,
        )

    @property
    def multiplications(self) -> int:
        """How many there are."""
        return math.prod(self.stack) * self.m * self.n * self.k


def build_panels(b: Builder, op: Any, product: MatrixProduct, tile: Tile) -> Value:
    """The product with rhs as panels [n / columns, k, columns]: the inner loop reads on and on.

    The result, [m, n / columns, columns], is the matrix row by row as it is. Arranging rhs, and lhs
    where it is [k, m], costs a copy of each.
    """
    lhs, rhs = op.operands
    first = len(product.stack)
    stacked = list(range(first))
    count = product.n // tile.columns
    if not product.lhs_rows_first:
        lhs = b.transpose(lhs, [*stacked, first + 1, first])
    if product.rhs_columns_last:
        split = b.reshape(rhs, [*product.stack, product.k, count, tile.columns])
        panels = b.transpose(split, [*stacked, first + 1, first, first + 2])
    else:
        split = b.reshape(rhs, [*product.stack, count, tile.columns, product.k])
        panels = b.transpose(split, [*stacked, first, first + 2, first + 1])
    y = tile.put(b.dot_general(lhs, panels, ([first + 1], [first + 1]), (stacked, stacked)))
    return b.reshape(y, shape_of(op.operation.results[0]))


_REGISTERS: Sequence[tuple[int, Sequence[int]]] = ((16, (6, 4)), (24, (4,)), (8, (12, 8, 6, 4)))
"""Columns and rows of blocks that fit 16 registers of 8 floats, the best ones first."""


def tile_of(m: int, n: int, k: int) -> Tile | None:
    """The best tile that divides a product of these extents; None where there is no good one."""
    for columns, choices in _REGISTERS:
        for rows in choices:
            if n % columns == 0 and m % rows == 0:
                return Tile(rows, columns, next(depth for depth in (4, 2, 1) if k % depth == 0))
    return None
