"""Derivatives of reductions over dimensions and over windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import i64s, pairs, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, DenseIntElementsAttr, RankedTensorType, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import is_infinite, splat_of
from pock_mlir.passes.gradients.registry import Cotangents, gradient
from pock_mlir.passes.gradients.softmax import is_softmax_shift

_EXTREMA = {"maximum": -1, "minimum": 1}


def reducer(op: Any) -> str:
    """What the region of a reduction does: "add", "multiply", "maximum" or "minimum".

    Raises:
        PassError: it does anything else, or the op reduces several operands at once.
    """
    body = list(op.regions[0].blocks[0].operations)
    kind = body[0].name.removeprefix("stablehlo.")
    single = len(op.operands) == 2 and len(body) == 2
    if not single or kind not in ("add", "multiply", *_EXTREMA):
        raise PassError.at(op, f"{op.name} with this region has no derivative rule")
    if set(body[0].operands) != set(op.regions[0].blocks[0].arguments):
        raise PassError.at(op, f"{op.name} must combine both arguments of its region")
    return kind


def _require_identity(b: GradientBuilder, op: Any, kind: str) -> None:
    init = op.operands[1]
    expected = _EXTREMA.get(kind)
    if expected is None:
        known = splat_of(init) == (0 if kind == "add" else 1)
    else:
        known = is_infinite(init, expected)
    if not known:
        raise PassError.at(op, f"{op.name} must start from the identity of {kind}")


# ---- reduce --------------------------------------------------------------------------------


@gradient("stablehlo.reduce")
def reduce(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """add: dx = dy;  multiply: dx = dy * y / x;  maximum, minimum: dx = dy where x is y

    Each repeated along the reduced dimensions. Equal extrema share the gradient, as in PyTorch's
    amax; a product with zeros in it is treated as PyTorch's prod does. No gradient flows through
    the maximum that a softmax subtracts, for its result does not depend on that.
    """
    kind = reducer(op)
    _require_identity(b, op, kind)
    x, dimensions = op.operands[0], list(DenseI64ArrayAttr(op.attributes["dimensions"]))
    if kind == "add":
        return _spread(b, dy, x, dimensions), None
    if kind == "multiply":
        return _product(b, x, dy, dimensions), None
    if kind == "maximum" and is_softmax_shift(b, op):
        return None, None
    return _extremum(b, op, dy, dimensions), None


def _spread(b: GradientBuilder, value: Value, like: Value, dimensions: Sequence[int]) -> Value:
    shape = shape_of(like)
    return b.broadcast_in_dim(value, shape, [i for i in range(len(shape)) if i not in dimensions])


def _extremum(b: GradientBuilder, op: Any, dy: Value, dimensions: Sequence[int]) -> Value:
    x = op.operands[0]
    chosen = b.compare("EQ", x, _spread(b, op.results[0], x, dimensions))
    count = b.reduce_add(b.select(chosen, b.ones_like(x), b.zeros_like(x)), dimensions)
    share = _spread(b, b.divide(dy, count), x, dimensions)
    return b.select(chosen, share, b.zeros_like(x))


def _product(b: GradientBuilder, x: Value, dy: Value, dimensions: Sequence[int]) -> Value:
    """dy times the product of all the *other* elements, also where some of them are zero."""
    zero, one = b.zeros_like(x), b.ones_like(x)
    is_zero = b.compare("EQ", x, zero)
    nonzero = b.select(is_zero, one, x)
    scaled = b.multiply(dy, b.reduce("multiply", nonzero, dimensions))
    zeros = b.reduce_add(b.select(is_zero, one, zero), dimensions)
    spread_zeros = _spread(b, zeros, x, dimensions)
    others = b.subtract(spread_zeros, b.select(is_zero, one, zero))
    product = b.divide(_spread(b, scaled, x, dimensions), nonzero)
    return b.select(b.compare("EQ", others, zero), product, zero)


# ---- reduce_window -------------------------------------------------------------------------


class _Windows:
    """The window attributes of a `stablehlo.reduce_window`, one entry per dimension."""

    def __init__(self, op: Any) -> None:
        rank = len(shape_of(op.operands[0]))
        self.size = list(DenseI64ArrayAttr(op.attributes["window_dimensions"]))
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


@gradient("stablehlo.reduce_window")
def reduce_window(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """add: every element gets the sum of the gradients of the windows that it is in

    maximum, minimum: the first extremum of each window, in row-major order, gets the gradient of
    the window (PyTorch's max_pool).
    """
    kind, windows = reducer(op), _Windows(op)
    _require_identity(b, op, kind)
    if kind in _EXTREMA and not windows.dilated:
        return _window_extremum(b, op, dy, windows, kind), None
    if kind != "add":
        raise PassError.at(op, f"reduce_window {kind} in this form has no derivative rule")
    x = op.operands[0]
    if windows.tile and all(n <= 0 for n in windows.high):
        return _tiles(b, x, dy, windows), None
    return _window_sum(b, x, dy, windows), None


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
