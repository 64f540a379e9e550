"""Forms of the gradient of a convolution by its input."""

from __future__ import annotations

import math
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Value
from pock_mlir.passes.kernels.form import ConvGeometry, Form, always


def _geometry(op: Any) -> ConvGeometry:
    return ConvGeometry.of(op, op.image_gradient, op.kernel, op.output_gradient)


def _pointwise(b: Builder, op: Any) -> Value:
    """dy kernel^T, spread out over the places that a strided 1x1 convolution looks at."""
    g = _geometry(op)
    inputs, outputs = g.kernel[-2:]
    rows = b.reshape(op.output_gradient, [math.prod(g.output[:-1]), outputs])
    kernel = b.reshape(op.kernel, [inputs, outputs])
    dx = b.reshape(b.dot_general(rows, kernel, ([1], [1])), [*g.output[:-1], inputs])
    after = [
        size - ((out - 1) * stride + 1)
        for size, out, stride in zip(g.image[1:-1], g.output[1:-1], g.strides, strict=True)
    ]
    none = [0] * g.spatial
    return b.pad(dx, [0, *none, 0], [0, *after, 0], [0, *(s - 1 for s in g.strides), 0])


def transposed_kernel(b: Builder, kernel: Value, g: ConvGeometry) -> Value:
    """The kernel flipped in space, its inputs and outputs exchanged within each group."""
    flipped = b.reverse(kernel, list(range(g.spatial)))
    if g.depthwise:
        return flipped
    inputs, outputs = g.kernel[-2:]
    split = b.reshape(flipped, [*g.window, inputs, g.groups, outputs // g.groups])
    s = g.spatial
    exchanged = b.transpose(split, [*range(s), s + 2, s + 1, s])
    return b.reshape(exchanged, [*g.window, outputs // g.groups, g.groups * inputs])


def _convolution(b: Builder, op: Any) -> Value:
    """dy, spread by the stride and padded, convolved with the transposed kernel."""
    g = _geometry(op)
    reach = [(n - 1) * d for n, d in zip(g.window, g.dilations, strict=True)]
    low = [r - lo for r, lo in zip(reach, g.low, strict=True)]
    spread = [
        (n - 1) * s + 1 for n, s in zip(shape_of(op.output_gradient)[1:-1], g.strides, strict=True)
    ]
    high = [size - n + lo for size, n, lo in zip(g.image[1:-1], spread, g.low, strict=True)]
    dilation = [stride - 1 for stride in g.strides]
    padded = b.pad(op.output_gradient, [0, *low, 0], [0, *high, 0], [0, *dilation, 0])
    none = [0] * g.spatial
    return b.convolution(
        padded,
        transposed_kernel(b, op.kernel, g),
        strides=[1] * g.spatial,
        low=none,
        high=none,
        rhs_dilation=g.dilations,
        groups=g.groups,
    )


FORMS = [
    Form("pointwise", lambda op: _geometry(op).pointwise, _pointwise),
    Form("convolution", always, _convolution),
]
