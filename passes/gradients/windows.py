"""Derivatives of reductions over windows, and of what picks one element of each window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import Builder, i64s, pairs, shape_of, type_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    DenseIntElementsAttr,
    IntegerType,
    RankedTensorType,
    Value,
)
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.expansion import apply_elementwise, through
from pock_mlir.passes.gradients.reductions import reducer, starts_from_identity
from pock_mlir.passes.gradients.registry import Cotangents, gradient

_MOST_PLACES = 4096


class _Windows:
    """The window attributes of an op, one entry per dimension of its first operand."""

    def __init__(self, op: Any) -> None:
        self.image = shape_of(op.operands[0])
        rank = len(self.image)
        self.size = self._ints(op, "window_dimensions", rank)
        self.strides = self._ints(op, "window_strides", rank)
        self.dilations = self._ints(op, "window_dilations", rank)
        self.base_dilations = self._ints(op, "base_dilations", rank)
        padding = np.zeros((rank, 2), np.int64)
        if "padding" in op.attributes:
            padding = np.array(DenseIntElementsAttr(op.attributes["padding"])).reshape(rank, 2)
        self.low, self.high = padding[:, 0].tolist(), padding[:, 1].tolist()

    @staticmethod
    def _ints(op: Any, name: str, rank: int) -> list[int]:
        return list(DenseI64ArrayAttr(op.attributes[name])) if name in op.attributes else [1] * rank

    @property
    def dilated(self) -> bool:
        return any(n != 1 for n in self.dilations + self.base_dilations)

    @property
    def tile(self) -> bool:
        """Whether the windows lie side by side, with nothing around them."""
        return not self.dilated and self.size == self.strides and not any(self.low)

    @property
    def between(self) -> list[int]:
        """How many elements of padding the base dilation puts between two elements."""
        return [n - 1 for n in self.base_dilations]

    def padded(self, b: Builder, x: Value, value: Value) -> Value:
        """x with all the padding that the windows see."""
        if not any([*self.low, *self.high, *self.between]):
            return x
        shape = [
            lo + hi + max(0, (n - 1) * base + 1)
            for lo, hi, n, base in zip(
                self.low, self.high, self.image, self.base_dilations, strict=True
            )
        ]
        attributes = {
            "edge_padding_low": i64s(self.low),
            "edge_padding_high": i64s(self.high),
            "interior_padding": i64s(self.between),
        }
        type_ = RankedTensorType.get(shape, type_of(x).element_type)
        return b.create("stablehlo.pad", [x, value], [type_], attributes).results[0]

    def unpadded(self, b: Builder, x: Value) -> Value:
        """The transpose of `padded`: the elements that are not padding."""
        low, high = ([max(0, -n) for n in side] for side in (self.low, self.high))
        whole = b.pad(x, low, high)
        start = [max(0, n) for n in self.low]
        limit = [n - max(0, hi) for n, hi in zip(shape_of(whole), self.high, strict=True)]
        return b.slice(whole, start, limit, self.base_dilations)

    def places(self, op: Any) -> Iterator[list[int]]:
        """Where in a window each of its elements is, in row-major order.

        Raises:
            PassError: there are too many.
        """
        if math.prod(self.size) > _MOST_PLACES:
            raise PassError.at(
                op,
                f"{op.name} over windows of {math.prod(self.size)} elements has no derivative rule"
                f" for this region; it has one up to {_MOST_PLACES}",
            )
        for index in itertools.product(*(range(n) for n in self.size)):
            yield [i * dilation for i, dilation in zip(index, self.dilations, strict=True)]

    def at(self, b: Builder, padded: Value, place: Sequence[int], counts: Sequence[int]) -> Value:
        """The element at `place` of every window of the padded tensor."""
        limit = [
            first + (n - 1) * stride + 1
            for first, n, stride in zip(place, counts, self.strides, strict=True)
        ]
        return b.slice(padded, place, limit, self.strides)

    def back(self, b: Builder, x: Value, place: Sequence[int], padded: Sequence[int]) -> Value:
        """The transpose of `at`: zeros but for one element of every window."""
        high = [
            size - first - ((n - 1) * stride + 1)
            for size, first, n, stride in zip(padded, place, shape_of(x), self.strides, strict=True)
        ]
        return b.pad(x, place, high, [stride - 1 for stride in self.strides])


# ---- reduce_window -------------------------------------------------------------------------


@gradient("stablehlo.reduce_window")
def reduce_window(b: GradientBuilder, op: Any, dy: Any) -> Any:
    """add: every element gets the sum of the gradients of the windows that it is in

    maximum, minimum: the first extremum of each window, in row-major order, gets the gradient of
    the window (PyTorch's max_pool). Anything else is differentiated as elementwise ops on what is
    at each place of the windows.
    """
    kind, windows = reducer(op), _Windows(op)
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
    count, windows = len(op.operands) // 2, _Windows(op)
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


def _window_extremum(b: GradientBuilder, op: Any, dy: Value, windows: _Windows, kind: str) -> Value:
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


def _tiles(b: GradientBuilder, x: Value, dy: Value, windows: _Windows) -> Value:
    """Repeat each element of `dy` over its window; zeros where no window reached."""
    split, kept, joined = [], [], []
    for places, window in zip(shape_of(dy), windows.size, strict=True):
        kept.append(len(split))
        split += [places] if window == 1 else [places, window]
        joined.append(places * window)
    repeated = b.reshape(b.broadcast_in_dim(dy, split, kept), joined)
    high = [size - covered for size, covered in zip(shape_of(x), joined, strict=True)]
    return b.pad(repeated, [0] * len(high), high)


def _window_sum(b: GradientBuilder, x: Value, dy: Value, windows: _Windows) -> Value:
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
    b: GradientBuilder, padded: Value, result: RankedTensorType, windows: _Windows
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


def _dilated_extremum(
    b: GradientBuilder, op: Any, dy: Value, windows: _Windows, kind: str
) -> Value:
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
    image, source, start = op.operands
    if b.is_active(start):
        raise PassError.at(op, f"{op.name} has no derivative rule by its initial value")
    windows = _Windows(op)
    ones = RankedTensorType.get(shape_of(image), IntegerType.get_signless(1))
    all_inside = b.splat(1, ones)
    inside = windows.padded(b, all_inside, b.scalar_like(all_inside, 0))
    padded = [windows.padded(b, x, b.scalar_like(x, 0)) for x in (image, dy)]
    best: list[Value] = []
    for place in windows.places(op):
        here = [windows.at(b, x, place, shape_of(source)) for x in (*padded, inside)]
        best = _better(b, op, best, here) if best else here
    # Where nothing of a window is inside the image, the source is added nowhere.
    picked = b.select(best[2], best[1], b.zeros_like(source))
    return None, picked, None


def _better(
    b: GradientBuilder, op: Any, best: Sequence[Value], here: Sequence[Value]
) -> list[Value]:
    """Of two places of each window (their image, gradient, and whether they are inside)."""
    (preferred,) = apply_elementwise(b, op, 0, [best[0], here[0]])
    keep = b.logical_and(best[2], b.logical_or(preferred, b.logical_not(here[2])))
    first = [b.select(keep, old, new) for old, new in zip(best[:2], here[:2], strict=True)]
    return [*first, b.logical_or(best[2], here[2])]
