"""Forms of a dense convolution as matrix products, where they have tiles that IREE's own has not.

A convolution of an image [N, spatial..., C] by a kernel [spatial..., C, O] multiplies, for every
place of the kernel, what lies there of the (padded) image by the kernel's matrix [C, O].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Value
from pock_mlir.passes.kernels.contraction import Contracted, build_sum
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.passes.kernels.winograd import as_winograd
from pock_mlir.passes.patterns import producer
from pock_mlir.tuning import Convolution, Form


def build_convolution(
    b: Builder, image: Value, kernel: Value, g: ConvGeometry, form: Form
) -> Value:
    """A convolution in a form that fits it and is not IREE's own."""
    if form.side:
        return as_winograd(b, image, kernel, g, form.side)
    return as_taps(b, image, kernel, g, form)


def subject_of(g: ConvGeometry, *, frozen: bool) -> Convolution:
    """What a dense convolution is to a file of measurements."""
    sizes = (g.image, g.kernel, g.strides, g.low, g.high, g.dilations)
    return Convolution(*map(tuple, sizes), frozen=frozen)


def as_product(b: Builder, image: Value, kernel: Value, g: ConvGeometry) -> Value:
    """A 1x1 convolution, without strides and padding, as the product of two matrices."""
    inputs, outputs = g.kernel[-2:]
    rows = b.reshape(image, [math.prod(g.image[:-1]), inputs])
    y = b.dot_general(rows, b.reshape(kernel, [inputs, outputs]), ([1], [0]))
    return b.reshape(y, g.output)


def as_taps(b: Builder, image: Value, kernel: Value, g: ConvGeometry, form: Form) -> Value:
    """The sum, over the places of the kernel, of products that each have a tile.

    If they do not stream the kernel as it is, it is arranged as [spatial..., O / columns, C,
    columns], which is a copy that is to be paid unless `fold-frozen` does it once. The parts of the
    image are slices, with strides where the convolution has them. Rows of the result that are no
    multiple of the tile's are made wider.
    """
    assert form.tile is not None, "IREE's own form is the convolution itself"
    size, g = g.output, _widened(g, form.tile.rows)
    kernel, flipped = unflipped(kernel)
    weights = kernel if form.streams else _panels(b, kernel, g, form.tile.columns)
    matrix = shape_of(weights)[g.spatial :]
    padded = b.pad(image, [0, *g.low, 0], [0, *g.high, 0])

    def parts() -> Iterator[tuple[Value, Value, Contracted]]:
        for place in itertools.product(*(range(n) for n in g.window)):
            tap = tap_of(place, g.window, flipped)
            begin, end = [*tap, *(0 for _ in matrix)], [*(i + 1 for i in tap), *matrix]
            part = b.reshape(b.slice(weights, begin, end), matrix)
            contracted = ([g.spatial + 1], [len(matrix) - 2])
            yield _seen(b, padded, g, place), part, contracted

    y = b.reshape(build_sum(b, parts(), form), g.output)
    return y if g.output == size else b.slice(y, [0] * len(size), size)


def unflipped(kernel: Value) -> tuple[Value, list[int]]:
    """What a kernel is the reverse of in space, and along which dimensions, if it is one.

    IREE would fetch each element of a reverse by its own index.
    """
    reverse = producer(kernel, "stablehlo.reverse")
    flipped = list(DenseI64ArrayAttr(reverse.attributes["dimensions"])) if reverse else []
    if reverse is None or max(flipped) >= len(shape_of(kernel)) - 2:
        return kernel, []
    return reverse.operands[0], flipped


def tap_of(place: Sequence[int], window: Sequence[int], flipped: Sequence[int]) -> list[int]:
    """Where in an unflipped kernel a place of the flipped one is."""
    places = enumerate(zip(place, window, strict=True))
    return [size - 1 - i if d in flipped else i for d, (i, size) in places]


def _widened(g: ConvGeometry, rows: int) -> ConvGeometry:
    """With more padding behind the last spatial dimension, for a result of a multiple of `rows`."""
    more = -g.output[-2] % rows
    high = [*g.high[:-1], g.high[-1] + more * g.strides[-1]]
    output = [*g.output[:-2], g.output[-2] + more, g.output[-1]]
    return replace(g, high=high, output=output) if more else g


def _panels(b: Builder, kernel: Value, g: ConvGeometry, columns: int) -> Value:
    """A single panel is the kernel as it is: of one in another shape IREE would update a copy."""
    inputs, outputs = g.kernel[-2:]
    if outputs == columns:
        return kernel
    split = b.reshape(kernel, [*g.window, inputs, outputs // columns, columns])
    s = g.spatial
    return b.transpose(split, [*range(s), s + 1, s, s + 2])


def _seen(b: Builder, padded: Value, g: ConvGeometry, place: Sequence[int]) -> Value:
    """What a place of the kernel sees of the padded image."""
    begin = [tap * dilation for tap, dilation in zip(place, g.dilations, strict=True)]
    end = [
        start + (size - 1) * stride + 1
        for start, size, stride in zip(begin, g.output[1:-1], g.strides, strict=True)
    ]
    batch, channels = g.image[0], g.image[-1]
    return b.slice(padded, [0, *begin, 0], [batch, *end, channels], [1, *g.strides, 1])
