"""Derivatives of reductions over windows, and of what picks one element of each window."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64s, pairs, shape_of
from pock_mlir.ir import RankedTensorType, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.expansion import through
from pock_mlir.passes.gradients.reductions import reducer, starts_from_identity
from pock_mlir.passes.gradients.registry import Cotangents, gradient
from pock_mlir.passes.scalar_regions import apply_elementwise
from pock_mlir.passes.windows import Windows, selected

# ---- reduce_window -------------------------------------------------------------------------


@gradient("stablehlo.reduce_window")
def reduce_window(b: GradientBuilder, op: Any, dy: Any) -> Any:
    """add: every element gets the sum of the gradients of the windows that it is in

    maximum, minimum: the first extremum of each window, in row-major order, gets the gradient of
    the window (PyTorch's max_pool). Anything else is differentiated as elementwise ops on what is
    at each place of the windows.
    """
    kind, windows = reducer(op), Windows(op)
    if kind is None or kind == "multiply" or not starts_from_identity(op, kind):
        return through(b, op, dy, expand_reduce_window)
    x = op.operands[0]
    if kind != "add":
        by_op = not windows.dilated
        return (_window_extremum if by_op else _dilated_extremum)(b, op, dy, windows, kind), None
    if windows.tile and all(n <= 0 for n in windows.high):
        return _tiles(b, x, dy, windows), None
    return _window_sum(b, x, dy, windows), None


def expand_reduce_window(b: Builder, op: Any) -> list[Value]:
    """A reduction of windows by any region, as elementwise ops on what is at each of their places.

    Raises:
        PassError: the region is not elementwise, or the windows are too large to do that.
    """
    count, windows = len(op.operands) // 2, Windows(op)
    starts, shape = list(op.operands[count:]), shape_of(op.results[0])
    padded = [
        windows.padded(b, x, start)
        for x, start in zip(list(op.operands[:count]), starts, strict=True)
    ]
    values = [b.broadcast_in_dim(start, shape, []) for start in starts]
    for place in windows.places(op):
        here = [windows.at(b, x, place, shape) for x in padded]
        values = apply_elementwise(b, op, 0, [*values, *here])
    return values


def _window_extremum(b: GradientBuilder, op: Any, dy: Value, windows: Windows, kind: str) -> Value:
    image, pooled = op.operands[0], op.results[0]
    if kind == "minimum":
        image, pooled = b.negate(image), b.negate(pooled)
    attributes = {
        "window_dimensions": i64s(windows.size),
        "window_strides": i64s(windows.strides),
        "padding_low": i64s(windows.low),
        "padding_high": i64s(windows.high),
    }
    return b.create(
        "pock.max_pool_gradient", [image, pooled, dy], [image.type], attributes
    ).results[0]


def _tiles(b: GradientBuilder, x: Value, dy: Value, windows: Windows) -> Value:
    """Repeat each element of `dy` over its window; zeros where no window reached."""
    split, kept, joined = [], [], []
    for places, window in zip(shape_of(dy), windows.size, strict=True):
        kept.append(len(split))
        split += [places] if window == 1 else [places, window]
        joined.append(places * window)
    repeated = b.reshape(b.broadcast_in_dim(dy, split, kept), joined)
    high = [size - covered for size, covered in zip(shape_of(x), joined, strict=True)]
    return b.pad(repeated, [0] * len(high), high)


def _window_sum(b: GradientBuilder, x: Value, dy: Value, windows: Windows) -> Value:
    """The transpose of a windowed sum: the same over the gradient, strides become dilations."""
    low, high = [], []
    for i, (size, places) in enumerate(zip(shape_of(x), shape_of(dy), strict=True)):
        extent = windows.dilations[i] * (windows.size[i] - 1)
        between = (places - 1) * windows.strides[i] + 1
        low.append(extent - windows.low[i])
        high.append((size - 1) * windows.base_dilations[i] + 1 - between - low[i] + extent)
    padded = b.pad(dy, low, high, [stride - 1 for stride in windows.strides])
    return _dilated_sum(b, padded, x.type, windows)


def _dilated_sum(
    b: GradientBuilder, padded: Value, result: RankedTensorType, windows: Windows
) -> Value:
    rank = len(windows.size)
    op = b.create(
        "stablehlo.reduce_window",
        [padded, b.scalar_like(padded, 0)],
        [result],
        {
            "window_dimensions": i64s(windows.size),
            "window_strides": i64s(windows.base_dilations),
            "window_dilations": i64s(windows.dilations),
            "padding": pairs([0] * rank, [0] * rank),
        },
        regions=1,
    )
    b.fill_region(op, "add")
    return op.results[0]


def _dilated_extremum(b: GradientBuilder, op: Any, dy: Value, windows: Windows, kind: str) -> Value:
    """The same with dilations: place by place, to what no earlier place of the window has got."""
    del kind
    y = op.results[0]
    image = windows.padded(b, op.operands[0], op.operands[1])
    left, total = dy, None
    for place in windows.places(op):
        is_extremum = b.compare("EQ", windows.at(b, image, place, shape_of(y)), y)
        share = b.select(is_extremum, left, b.zeros_like(dy))
        left = b.select(is_extremum, b.zeros_like(dy), left)
        spread = windows.back(b, share, place, shape_of(image))
        total = spread if total is None else b.add(total, spread)
    assert total is not None, "a window has at least one place"
    return windows.unpadded(b, total)


# ---- select_and_scatter --------------------------------------------------------------------


@gradient("stablehlo.select_and_scatter")
def select_and_scatter(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The source gets the gradient from where it was added; what was selected from gets none"""
    if op.regions[1].blocks[0].operations[0].name != "stablehlo.add":
        raise PassError.at(op, f"{op.name} that does not add has no derivative rule")
    _, source, start = op.operands
    if b.is_active(start):
        raise PassError.at(op, f"{op.name} has no derivative rule by its initial value")
    windows, counts = Windows(op), shape_of(source)
    index = selected(b, op, windows, counts)
    padded = windows.padded(b, dy, b.scalar_like(dy, 0))
    picked = b.zeros_like(source)
    for number, place in enumerate(windows.places(op)):
        here = b.compare("EQ", index, b.full_like(index, number))
        picked = b.select(here, windows.at(b, padded, place, counts), picked)
    return None, picked, None
