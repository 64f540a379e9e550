"""Forms of a dense convolution as matrix products, where they have tiles that IREE's own has not.

A convolution of an image [N, spatial..., C] by a kernel [spatial..., C, O] multiplies, for every
place of the kernel, what lies there of the (padded) image by the kernel's matrix [C, O].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Value
from pock_mlir.passes.kernels.contraction import Contracted, build_sum
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.tuning import Product, Tile

FEWEST_CHANNELS = 8
"""Of an image that is worth a product for each place; below, IREE's own code is as fast."""


def row_product(g: ConvGeometry) -> Product:
    """What one place of the kernel multiplies for one row of the result's last spatial dimension.

    A block of registers is to lie within such a row, where the image is one run of memory or, by a
    stride, evenly spaced.
    """
    return Product(m=g.output[-2], n=g.kernel[-1], k=g.kernel[-2])


def as_product(b: Builder, image: Value, kernel: Value, g: ConvGeometry) -> Value:
    """A 1x1 convolution, without strides and padding, as the product of two matrices."""
    inputs, outputs = g.kernel[-2:]
    rows = b.reshape(image, [math.prod(g.image[:-1]), inputs])
    y = b.dot_general(rows, b.reshape(kernel, [inputs, outputs]), ([1], [0]))
    return b.reshape(y, g.output)


def as_taps(b: Builder, image: Value, kernel: Value, g: ConvGeometry, tile: Tile) -> Value:
    """The sum, over the places of the kernel, of products that each have a tile.

    The kernel is arranged as [places, O / columns, C, columns], which is a copy that is to be paid
    unless `fold-frozen` does it once. The parts of the image are slices, with strides where the
    convolution has them.
    """
    inputs, outputs = g.kernel[-2:]
    count, places = outputs // tile.columns, math.prod(g.window)
    split = b.reshape(kernel, [places, inputs, count, tile.columns])
    panels = b.transpose(split, [0, 2, 1, 3])
    padded = b.pad(image, [0, *g.low, 0], [0, *g.high, 0]) if any(g.low + g.high) else image

    def parts() -> Iterator[tuple[Value, Value, Contracted]]:
        for i, place in enumerate(itertools.product(*(range(n) for n in g.window))):
            matrix = b.slice(panels, [i, 0, 0, 0], [i + 1, count, inputs, tile.columns])
            matrix = b.reshape(matrix, [count, inputs, tile.columns])
            yield _seen(b, padded, g, place), matrix, ([g.spatial + 1], [1])

    return b.reshape(build_sum(b, parts(), tile), g.output)


def _seen(b: Builder, padded: Value, g: ConvGeometry, place: Sequence[int]) -> Value:
    """What a place of the kernel sees of the padded image."""
    begin = [tap * dilation for tap, dilation in zip(place, g.dilations, strict=True)]
    end = [
        start + (size - 1) * stride + 1
        for start, size, stride in zip(begin, g.output[1:-1], g.strides, strict=True)
    ]
    batch, channels = g.image[0], g.image[-1]
    return b.slice(padded, [0, *begin, 0], [batch, *end, channels], [1, *g.strides, 1])
