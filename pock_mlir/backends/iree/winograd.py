"""The transforms of Winograd's convolutions: kernels that read and write squares in their places.

A square's places are slices of the image, with strides; one loop over squares and channels reads
all of them, has their sums in registers, and writes each to a slice of the result.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pock_mlir.backends.iree.contraction import lowering_info, vector_length
from pock_mlir.backends.iree.dispatch import Binding, dispatch
from pock_mlir.backends.iree.linalg import ScalarArithmetic, generic
from pock_mlir.backends.iree.workgroups import largest_divisor
from pock_mlir.dialects.pock.winograd import WINDOW, seen
from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Module, Value
from pock_mlir.passes.kernels.dense_convolution import tap_of, unflipped
from pock_mlir.passes.kernels.winograd import Matrix, transforms
from pock_mlir.rewriting import named_ops, replace_op

_GROUPS = 16
"""In how many parts a transform is done, for threads to share it."""


def lower_winograd(module: Module, width: int) -> None:
    """Lower the three transforms, with `width` numbers a vector; 0 leaves loops to IREE."""
    for name, lower in WINOGRAD.items():
        for op in named_ops(module, name):
            y = lower(Builder.before(op), op, op.side.value, width)
            replace_op(op, y)


def _image(b: Builder, op: Any, side: int, width: int) -> Value:
    _, *shape = shape_of(op.parts)
    steps = [1, side, side, 1]
    reads = [_every(op.image, [0, i, j, 0], shape, steps) for i, j in _square(seen(side))]
    return _transform(b, reads, op.parts, _stacked, transforms(side).image, width)


def _kernel(b: Builder, op: Any, side: int, width: int) -> Value:
    _, *shape = shape_of(op.parts)
    kernel, flipped = unflipped(op.kernel)
    places = [tap_of(place, [WINDOW] * 2, flipped) for place in _square(WINDOW)]
    reads = [Binding(kernel, [*place, 0, 0], [1, 1, *shape], shape) for place in places]
    return _transform(b, reads, op.parts, _stacked, transforms(side).kernel, width)


def _output(b: Builder, op: Any, side: int, width: int) -> Value:
    _, *shape = shape_of(op.parts)
    reads = [_stacked(op.parts, i) for i in range(seen(side) ** 2)]

    def places(y: Value, i: int) -> Binding:
        return _every(y, [0, i // side, i % side, 0], shape, [1, side, side, 1])

    return _transform(b, reads, op.output, places, transforms(side).output, width)


WINOGRAD: dict[str, Callable[[Builder, Any, int, int], Value]] = {
    "pock.winograd_image": _image,
    "pock.winograd_kernel": _kernel,
    "pock.winograd_output": _output,
}
"""What lowers each transform: (builder, op, side, numbers of a vector) -> result."""

# ---- places ----------------------------------------------------------------------------------

Place = Callable[[Value, int], Binding]
"""(a tensor, i) -> where in it the i-th place of all squares is."""


def _square(side: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(side) for j in range(side)]


def _every(x: Value, begin: list[int], shape: list[int], steps: list[int]) -> Binding:
    """One place of every square of an image."""
    return Binding(x, begin, shape, shape, strides=steps)


def _stacked(x: Value, i: int) -> Binding:
    """One tensor of a stack."""
    shape = shape_of(x)[1:]
    return Binding(x, [i, *(0 for _ in shape)], [1, *shape], shape)


# ---- the kernel ------------------------------------------------------------------------------


def _transform(
    b: Builder, reads: Sequence[Binding], result: Value, place: Place, matrix: Matrix, width: int
) -> Value:
    """One kernel: `matrix` on both sides of the squares that are read."""
    shape = reads[0].shape
    empty = b.create("flow.tensor.empty", [], [result.type]).results[0]
    written = [place(empty, i).as_written() for i in range(len(matrix) ** 2)]
    maps = [list(range(len(shape)))] * (len(reads) + len(written))
    attributes = _configuration(shape, width) if width else {}

    def body(a: ScalarArithmetic, places: list[Value], _: list[Value]) -> list[Value]:
        return _both_sides(a, matrix, places)

    def compute(inner: Builder, inputs: list[Value], old: list[Value]) -> list[Value]:
        return generic(inner, inputs, old, maps, len(shape), [], body, attributes)

    (y,) = dispatch(b, reads, written, compute)
    return y


def _both_sides(a: ScalarArithmetic, matrix: Matrix, places: list[Value]) -> list[Value]:
    """M d M^T of a square d, row by row."""
    side = matrix.shape[1]
    columns = [_times(a, matrix, places[j::side]) for j in range(side)]  # of M d
    rows = [_times(a, matrix, list(row)) for row in zip(*columns, strict=True)]
    return list(itertools.chain(*rows))


def _times(a: ScalarArithmetic, matrix: Matrix, x: list[Value]) -> list[Value]:
    """M x"""
    return [_sum(a, row, x) for row in matrix]


def _sum(a: ScalarArithmetic, row: Matrix, x: list[Value]) -> Value:
    """The sum of row[i] * x[i], without those that are zero."""
    first, *others = sorted(np.flatnonzero(row), key=lambda i: row[i] < 0)
    total = _scaled(a, row[first], x[first])
    for i in others:
        part = _scaled(a, abs(row[i]), x[i])
        total = a.add(total, part) if row[i] > 0 else a.subtract(total, part)
    return total


def _scaled(a: ScalarArithmetic, factor: float, x: Value) -> Value:
    return x if factor == 1 else a.multiply(a.constant(float(factor)), x)


def _configuration(shape: Sequence[int], width: int) -> dict[str, Any]:
    """Vectors of channels, and groups of the first dimensions."""
    *rows, last = shape
    group: list[int] = []
    groups = 1
    for size in rows:
        group.append(largest_divisor(size, max(1, size * groups // _GROUPS)))
        groups *= size // group[-1]
    return lowering_info(
        distribution=[*group, last],
        vector_common_parallel=[*(1 for _ in rows), vector_length(last, width)],
    )
