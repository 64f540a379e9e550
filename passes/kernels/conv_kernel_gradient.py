"""Forms of the gradient of a convolution by its kernel.

Written as one convolution over the batch this is 10 to 50 times slower than it need be, so no form
does that.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Value
from pock_mlir.passes.kernels.form import ConvGeometry, Form, always


def _geometry(op: Any) -> ConvGeometry:
    return ConvGeometry.of(op, op.image, op.kernel_gradient, op.output_gradient)


def _rows(b: Builder, x: Value) -> Value:
    """[..., C] as a matrix [rows, C]."""
    *outer, channels = shape_of(x)
    return b.reshape(x, [math.prod(outer), channels])


def _padded(b: Builder, image: Value, g: ConvGeometry) -> Value:
    return b.pad(image, [0, *g.low, 0], [0, *g.high, 0])


def _taps(b: Builder, image: Value, g: ConvGeometry) -> Iterator[Value]:
    """For each kernel place in row-major order, the part of the padded image that it sees."""
    for place in itertools.product(*(range(n) for n in g.window)):
        start = [tap * dilation for tap, dilation in zip(place, g.dilations, strict=True)]
        limit = [
            first + (size - 1) * stride + 1
            for first, size, stride in zip(start, g.output[1:-1], g.strides, strict=True)
        ]
        batch, channels = g.image[0], g.image[-1]
        yield b.slice(image, [0, *start, 0], [batch, *limit, channels], [1, *g.strides, 1])


def _stack(b: Builder, taps: Sequence[Value], g: ConvGeometry) -> Value:
    """One gradient [C / groups, O] per tap as the kernel's gradient."""
    matrix = g.kernel[g.spatial :]
    return b.reshape(b.concatenate([b.reshape(tap, [1, *matrix]) for tap in taps], 0), g.kernel)


def _contract_rows(b: Builder, image: Value, dy: Value) -> Value:
    return b.dot_general(_rows(b, image), _rows(b, dy), ([0], [0]))


def _pointwise(b: Builder, op: Any) -> Value:
    """image^T dy, over the places that a strided 1x1 convolution looks at."""
    g = _geometry(op)
    (tap,) = _taps(b, op.image, g)
    return b.reshape(_contract_rows(b, tap, op.output_gradient), g.kernel)


def _depthwise_taps(b: Builder, op: Any) -> Value:
    """For each tap, the sum over all places of image * dy: one number per channel."""
    g = _geometry(op)
    places = list(range(g.spatial + 1))
    image = _padded(b, op.image, g)
    sums = [b.reduce_add(b.multiply(tap, op.output_gradient), places) for tap in _taps(b, image, g)]
    return _stack(b, sums, g)


def _depthwise_images(b: Builder, op: Any) -> Value:
    """Per image a depthwise convolution of it with dy as the kernel, summed over the batch.

    An odd width above 3 is computed one place wider and cut: IREE's code for it is scalar.
    """
    g = _geometry(op)
    widen = int(g.window[-1] % 2 == 1 and g.window[-1] > 3)
    high = [after - extra for after, extra in zip(g.high, _unused(g), strict=True)]
    high[-1] += widen * g.dilations[-1]
    channels = g.image[-1]
    total = None
    for n in range(g.image[0]):
        image = b.slice(op.image, [n] + [0] * (g.spatial + 1), [n + 1, *g.image[1:]])
        dy = b.slice(op.output_gradient, [n] + [0] * (g.spatial + 1), [n + 1, *g.output[1:]])
        one = b.convolution(
            image,
            b.reshape(dy, [*g.output[1:-1], 1, channels]),
            strides=g.dilations,
            low=g.low,
            high=high,
            rhs_dilation=g.strides,
            groups=channels,
        )
        total = one if total is None else b.add(total, one)
    assert total is not None
    exact = b.slice(total, [0] * (g.spatial + 2), [1, *g.window, channels])
    return b.reshape(exact, g.kernel)


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


def _dense_taps(b: Builder, op: Any) -> Value:
    """For each tap, slice^T dy."""
    g = _geometry(op)
    image = _padded(b, op.image, g)
    return _stack(b, [_contract_rows(b, tap, op.output_gradient) for tap in _taps(b, image, g)], g)


def _grouped_taps(b: Builder, op: Any) -> Value:
    """For each tap, a matrix product per group: [rows, G, I] x [rows, G, O] -> [I, G, O]."""
    g = _geometry(op)
    inner, outputs = g.kernel[-2:]
    rows = math.prod(g.output[:-1])
    dy = b.reshape(op.output_gradient, [rows, g.groups, outputs // g.groups])
    products = []
    for tap in _taps(b, _padded(b, op.image, g), g):
        image = b.reshape(tap, [rows, g.groups, inner])
        product = b.dot_general(image, dy, ([0], [0]), ([1], [1]))
        products.append(b.reshape(b.transpose(product, [1, 0, 2]), [inner, outputs]))
    return _stack(b, products, g)


FORMS = [
    Form("pointwise", lambda op: _geometry(op).pointwise, _pointwise),
    Form("depthwise-images", lambda op: _geometry(op).depthwise, _depthwise_images),
    Form("depthwise-taps", lambda op: _geometry(op).depthwise, _depthwise_taps),
    Form("dense-taps", lambda op: _geometry(op).groups == 1, _dense_taps),
    Form("grouped-taps", always, _grouped_taps),
]
