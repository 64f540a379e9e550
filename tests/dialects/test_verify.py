"""Module-wide verification on inputs too large for a lit test."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from pock_mlir.dialects import make_context
from pock_mlir.dialects.verify import module_problems
from pock_mlir.ir import Module


def module_with_slices(slices: Sequence[tuple[int, ...]]) -> Module:
    """@f updates these parts of @w: row, column, rows, columns."""
    body = "\n".join(
        f'%{i} = stablehlo.constant dense<0.0> : tensor<{rows}x{columns}xf32>\n"pock.update"(%{i})'
        f" {{parameter = @w, offsets = array<i64: {row}, {column}>,"
        f" sizes = array<i64: {rows}, {columns}>}} : (tensor<{rows}x{columns}xf32>) -> ()"
        for i, (row, column, rows, columns) in enumerate(slices)
    )
    text = (
        '"pock.parameter"() {sym_name = "w", type = tensor<40x40xf32>, kind = "weight"}'
        f" : () -> ()\nfunc.func @f() {{\n{body}\nreturn }}"
    )
    return Module.parse(text, make_context())


@pytest.mark.parametrize("seed", range(4))
def test_overlaps_are_those_of_the_cells(seed: int):
    random_ = random.Random(seed)
    slices = [tuple(random_.randrange(1, limit) for limit in (30, 30, 9, 9)) for _ in range(12)]
    cells = [
        {(i, j) for i in range(row, row + rows) for j in range(column, column + columns)}
        for row, column, rows, columns in slices
    ]
    expected = sum(bool(a & b) for i, a in enumerate(cells) for b in cells[:i])
    assert len(module_problems(module_with_slices(slices))) == expected


def test_neighbouring_rows_do_not_overlap():
    assert module_problems(module_with_slices([(i, 0, 1, 40) for i in range(40)])) == []
