"""Forms of the gradient of a convolution by its kernel.

Written as one convolution over the batch this is 10 to 50 times slower than it need be, so no form
does that.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import RankedTensorType, Value
from pock_mlir.passes.kernels.form import ConvGeometry, Form, always


def geometry_of(op: Any) -> ConvGeometry:
    """The convolution that the op is the gradient of."""
    return ConvGeometry.of(op, op.image, op.kernel_gradient, op.output_gradient)


def _rows(b: Builder, x: Value) -> Value:
    """[..., C] as a matrix [rows, C]."""
    *outer, channels = shape_of(x)
    return b.reshape(x, [math.prod(outer), channels])


def _taps(b: Builder, image: Value, dy: Value, g: ConvGeometry) -> Iterator[_Tap | None]:
    """For each kernel place in row-major order, what meets there of the image and of dy.

    Only places inside the image meet, so the image is not padded: a padded copy would be shared
    with the forward convolution's and kept alive until here. None where nothing meets.
    """
    batch, inputs, outputs = g.image[0], g.image[-1], g.output[-1]
    for place in itertools.product(*(range(n) for n in g.window)):
        spans = [_Span.of(g, i, tap) for i, tap in enumerate(place)]
        if any(span.first > span.last for span in spans):
            yield None
            continue
        yield _Tap(
            b.slice(
                image,
                [0, *(span.start for span in spans), 0],
                [batch, *(span.stop for span in spans), inputs],
                [1, *g.strides, 1],
            ),
            b.slice(
                dy,
                [0, *(span.first for span in spans), 0],
                [batch, *(span.last + 1 for span in spans), outputs],
            ),
        )


@dataclass(frozen=True)
class _Tap:
    image: Value
    dy: Value


@dataclass(frozen=True)
class _Span:
    """Along one dimension: outputs first..last see the image from start to stop, by the stride."""

    first: int
    last: int
    start: int
    stop: int

    @classmethod
    def of(cls, g: ConvGeometry, i: int, tap: int) -> _Span:
        shift = tap * g.dilations[i] - g.low[i]
        stride, size = g.strides[i], g.image[i + 1]
        first = max(0, -(shift // stride))
        last = min(g.output[i + 1] - 1, (size - 1 - shift) // stride)
        return cls(first, last, first * stride + shift, last * stride + shift + 1)


def _per_tap(b: Builder, op: Any, g: ConvGeometry, compute: Callable[[_Tap], Value]) -> Value:
    """The kernel's gradient from one gradient [C / groups, O] per tap."""
    matrix = g.kernel[g.spatial :]
    zeros = RankedTensorType.get([1, *matrix], type_of(op.image).element_type)
    taps = [
        b.splat(0, zeros) if tap is None else b.reshape(compute(tap), [1, *matrix])
        for tap in _taps(b, op.image, op.output_gradient, g)
    ]
    return b.reshape(b.concatenate(taps, 0), g.kernel)


def _contract_rows(b: Builder, image: Value, dy: Value) -> Value:
    return b.dot_general(_rows(b, image), _rows(b, dy), ([0], [0]))


def _dense_taps(b: Builder, op: Any) -> Value:
    """For each tap, image^T dy; for a 1x1 kernel that is all."""
    return _per_tap(b, op, geometry_of(op), lambda tap: _contract_rows(b, tap.image, tap.dy))


def _depthwise_taps(b: Builder, op: Any) -> Value:
    """For each tap, the sum over all places of image * dy: one number per channel."""
    g = geometry_of(op)
    places = list(range(g.spatial + 1))
    return _per_tap(b, op, g, lambda tap: b.reduce_add(b.multiply(tap.image, tap.dy), places))


def _depthwise_images(b: Builder, op: Any) -> Value:
    """For each image, a depthwise convolution with dy as its kernel; their sum."""
    g = geometry_of(op)
    images, dys = (
        [_image(b, x, i) for i in range(g.image[0])] for x in (op.image, op.output_gradient)
    )
    pairs = zip(images, dys, strict=True)
    total = functools.reduce(b.add, [_correlate(b, image, dy, g) for image, dy in pairs])
    return b.reshape(total, g.kernel)


def _image(b: Builder, x: Value, i: int) -> Value:
    """Image `i` of [N, spatial..., C], as [1, spatial..., C]."""
    shape = shape_of(x)
    return b.slice(x, [i, *[0] * (len(shape) - 1)], [i + 1, *shape[1:]])


def _depthwise_channels(b: Builder, op: Any) -> Value:
    """One depthwise convolution with dy as the kernel; images are more channels, summed at the end.

    Slower than one convolution per image for its transposes, but one op whatever the batch.
    """
    g = geometry_of(op)
    batch, channels = g.image[0], g.image[-1]

    def images_as_channels(x: Value) -> Value:
        """[N, spatial..., C] to [1, spatial..., N * C]."""
        moved = b.transpose(x, [*range(1, g.spatial + 1), 0, g.spatial + 1])
        return b.reshape(moved, [1, *shape_of(x)[1:-1], batch * channels])

    each = _correlate(b, images_as_channels(op.image), images_as_channels(op.output_gradient), g)
    split = b.reshape(each, [*g.window, batch, channels])
    return b.reshape(b.reduce_add(split, [g.spatial]), g.kernel)


def _correlate(b: Builder, image: Value, dy: Value, g: ConvGeometry) -> Value:
    """The kernel's gradient [1, window..., C] from one image [1, spatial..., C] and its dy.

    An odd width above 3 is computed one place wider and cut: IREE's code for it is scalar.
    """
    channels = shape_of(image)[-1]
    widen = int(g.window[-1] % 2 == 1 and g.window[-1] > 3)
    high = [after - extra for after, extra in zip(g.high, _unused(g), strict=True)]
    high[-1] += widen * g.dilations[-1]
    wide = b.convolution(
        image,
        b.reshape(dy, [*shape_of(dy)[1:-1], 1, channels]),
        strides=g.dilations,
        low=g.low,
        high=high,
        rhs_dilation=g.strides,
        groups=channels,
    )
    return b.slice(wide, [0] * (g.spatial + 2), [1, *g.window, channels])


def _unused(g: ConvGeometry) -> list[int]:
    """How many places at the end of the padded image no window reaches."""
    return [
        size + low + high - ((out - 1) * stride + (window - 1) * dilation + 1)
        for size, low, high, out, stride, window, dilation in zip(
            g.image[1:-1],
            g.low,
            g.high,
            g.output[1:-1],
            g.strides,
            g.window,
            g.dilations,
            strict=True,
        )
    ]


def _grouped_taps(b: Builder, op: Any) -> Value:
    """For each tap, a matrix product per group: [rows, G, I] x [rows, G, O] -> [I, G, O]."""
    g = geometry_of(op)
    inner, outputs = g.kernel[-2:]

    def compute(tap: _Tap) -> Value:
        rows = math.prod(shape_of(tap.dy)[:-1])
        image = b.reshape(tap.image, [rows, g.groups, inner])
        dy = b.reshape(tap.dy, [rows, g.groups, outputs // g.groups])
        product = b.dot_general(image, dy, ([0], [0]), ([1], [1]))
        return b.reshape(b.transpose(product, [1, 0, 2]), [inner, outputs])

    return _per_tap(b, op, g, compute)


_MOST_IMAGES = 24
"""Above this the ops of `depthwise-images` make compiling slow, and the kernel that adds the images
up, which may update a weight too, has more operands than IREE's runtime hands a kernel."""


def _is_small_batch(g: ConvGeometry) -> bool:
    return g.depthwise and g.image[0] <= _MOST_IMAGES


FORMS = [
    Form("depthwise-images", lambda op: _is_small_batch(geometry_of(op)), _depthwise_images),
    Form("depthwise-channels", lambda op: geometry_of(op).depthwise, _depthwise_channels),
    Form("depthwise-taps", lambda op: geometry_of(op).depthwise, _depthwise_taps),
    Form("dense-taps", lambda op: geometry_of(op).groups == 1, _dense_taps),
    Form("grouped-taps", always, _grouped_taps),
]
