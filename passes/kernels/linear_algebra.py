"""Forms of the factorisations and solutions of linear systems, which no target has kernels for.

Each is a loop over columns or rows; matrices are the last two dimensions, others are batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, is_complex, shape_of
from pock_mlir.dialects.stablehlo.control import counted_loop, element, with_element
from pock_mlir.ir import (
    BoolAttr,
    IntegerType,
    RankedTensorType,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.kernels.form import Form, always


def _transpose(b: Builder, x: Value) -> Value:
    rank = len(shape_of(x))
    return b.transpose(x, [*range(rank - 2), rank - 1, rank - 2])


def _at(x: Value, row: Value | None, column: Value | None) -> dict[int, Value]:
    rank = len(shape_of(x))
    chosen = {rank - 2: row, rank - 1: column}
    return {dimension: index for dimension, index in chosen.items() if index is not None}


def _part(b: Builder, x: Value, row: Value | None = None, column: Value | None = None) -> Value:
    """One row, one column, or one element of each matrix, still of its rank."""
    return element(b, x, _at(x, row, column))


def _with_part(
    b: Builder, x: Value, part: Value, row: Value | None = None, column: Value | None = None
) -> Value:
    return with_element(b, x, part, _at(x, row, column))


def _stretch(b: Builder, x: Value, like: Value) -> Value:
    """Rows, columns or elements repeated to the shape of `like`."""
    return b.broadcast_in_dim(x, shape_of(like), range(len(shape_of(like))))


def _outer(b: Builder, column: Value, row: Value, like: Value) -> Value:
    return b.multiply(_stretch(b, column, like), _stretch(b, row, like))


# ---- cholesky ------------------------------------------------------------------------------


def _cholesky(b: Builder, op: Any) -> Value:
    """Column by column: scale it by the root of its pivot, take its square from what is right."""
    a = op.operands[0]
    lower = "lower" in op.attributes and BoolAttr(op.attributes["lower"]).value
    matrix = a if lower else b.conjugate(_transpose(b, a))

    def step(b: Builder, i: Value, state: Sequence[Value]) -> list[Value]:
        rest, factor = state
        column, pivot = _part(b, rest, column=i), _part(b, rest, row=i, column=i)
        scaled = b.divide(column, _stretch(b, b.sqrt(_real(b, pivot)), column))
        column = b.select(_at_or_below(b, i, column), scaled, b.zeros_like(column))
        square = _outer(b, column, b.conjugate(_transpose(b, column)), rest)
        return [b.subtract(rest, square), _with_part(b, factor, column, column=i)]

    _, factor = counted_loop(b, shape_of(a)[-1], [matrix, b.zeros_like(a)], step)
    return factor if lower else b.conjugate(_transpose(b, factor))


def _real(b: Builder, z: Value) -> Value:
    """z without its imaginary part, in its own type."""
    real = b.real(z)
    return b.complex(real, b.zeros_like(real)) if is_complex(z) else z


def _at_or_below(b: Builder, i: Value, column: Value) -> Value:
    type_ = RankedTensorType.get(shape_of(column), IntegerType.get_signless(32))
    row = b.iota(type_, len(shape_of(column)) - 2)
    return b.compare("GE", row, b.broadcast_to(i, row))


# ---- triangular_solve ----------------------------------------------------------------------


def _solve(b: Builder, op: Any) -> Value:
    """Row by row of the solution: divide by the pivot, take it from the rows that are left."""
    left, lower, unit = (
        BoolAttr(op.attributes[name]).value for name in ("left_side", "lower", "unit_diagonal")
    )
    kind = stablehlo_bindings.TransposeAttr(op.attributes["transpose_a"]).value
    a, c = op.operands
    if kind == "ADJOINT":
        a = b.conjugate(a)
    if (kind != "NO_TRANSPOSE") == left:
        a, lower = _transpose(b, a), not lower
    if not left:
        c = _transpose(b, c)
    x = _substitute(b, a, c, downwards=lower, unit=unit)
    return x if left else _transpose(b, x)


def _substitute(b: Builder, a: Value, c: Value, *, downwards: bool, unit: bool) -> Value:
    """The x of a x = c; what is on the other side of the diagonal of a changes only solved rows."""
    count = shape_of(a)[-1]

    def step(b: Builder, i: Value, state: Sequence[Value]) -> list[Value]:
        rest, solution = state
        at = i if downwards else b.subtract(b.full_like(i, count - 1), i)
        row = _part(b, rest, row=at)
        if not unit:
            row = b.divide(row, _stretch(b, _part(b, a, row=at, column=at), row))
        known = _outer(b, _part(b, a, column=at), row, rest)
        return [b.subtract(rest, known), _with_part(b, solution, row, row=at)]

    _, solution = counted_loop(b, count, [c, b.zeros_like(c)], step)
    return solution


CHOLESKY_FORMS = [Form("columns", always, _cholesky)]
TRIANGULAR_SOLVE_FORMS = [Form("rows", always, _solve)]
