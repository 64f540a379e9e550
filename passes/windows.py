"""The windows of pooling ops: where they are, and what is at each place of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    DenseIntElementsAttr,
    IntegerType,
    RankedTensorType,
    Value,
)
from pock_mlir.passes.base import PassError
from pock_mlir.passes.scalar_regions import apply_elementwise

_MOST_PLACES = 4096


class Windows:
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


def selected(b: Builder, op: Any, windows: Windows, counts: Sequence[int]) -> Value:
    """Which place of each window the first region of a `stablehlo.select_and_scatter` selects.

    The number of the place, in row-major order; -1 where nothing of a window is in the image.
    """
    image = op.operands[0]
    all_inside = b.splat(1, RankedTensorType.get(shape_of(image), IntegerType.get_signless(1)))
    inside = windows.padded(b, all_inside, b.scalar_like(all_inside, 0))
    padded = windows.padded(b, image, b.scalar_like(image, 0))
    numbers = RankedTensorType.get(list(counts), IntegerType.get_signless(32))
    best, index = None, b.splat(-1, numbers)
    for number, place in enumerate(windows.places(op)):
        here, is_inside = (windows.at(b, x, place, counts) for x in (padded, inside))
        new = b.select(is_inside, b.splat(number, numbers), b.splat(-1, numbers))
        if best is None:
            best, index = here, new
            continue
        (preferred,) = apply_elementwise(b, op, 0, [best, here])
        known = b.compare("GE", index, b.splat(0, numbers))
        keep = b.logical_and(known, b.logical_or(preferred, b.logical_not(is_inside)))
        best, index = b.select(keep, best, here), b.select(keep, index, new)
    return index
