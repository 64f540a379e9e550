"""Forms of the gradient of a convolution by its input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import RankedTensorType, Value
from pock_mlir.passes.kernels.form import ConvGeometry, Form, always


def geometry_of(op: Any) -> ConvGeometry:
    """The convolution that the op is the gradient of."""
    return ConvGeometry.of(op, op.image_gradient, op.kernel, op.output_gradient)


def _pointwise(b: Builder, op: Any) -> Value:
    """dy kernel^T, spread out over the places that a strided 1x1 convolution looks at."""
    g = geometry_of(op)
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
    return b.reverse(_exchanged(b, kernel, g), list(range(g.spatial)))


def _exchanged(b: Builder, kernel: Value, g: ConvGeometry) -> Value:
    if g.depthwise:
        return kernel
    inputs, outputs = g.kernel[-2:]
    split = b.reshape(kernel, [*g.window, inputs, g.groups, outputs // g.groups])
    s = g.spatial
    exchanged = b.transpose(split, [*range(s), s + 2, s + 1, s])
    return b.reshape(exchanged, [*g.window, outputs // g.groups, g.groups * inputs])


def _convolution(b: Builder, op: Any) -> Value:
    """dy, spread by the stride and padded, convolved with the transposed kernel."""
    g = geometry_of(op)
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


def _phases(b: Builder, op: Any) -> Value:
    """A convolution of dy for each remainder of a place by the strides; their results interleaved.

    Places of one remainder meet the same taps of the kernel, and dy without zeros in between.
    """
    g = geometry_of(op)
    kernel = _exchanged(b, op.kernel, g)
    each = [
        _phase(b, op.output_gradient, kernel, g, remainders)
        for remainders in itertools.product(*(range(stride) for stride in g.strides))
    ]
    batch, *places, channels = shape_of(each[0])
    s = g.spatial
    stack = b.reshape(b.concatenate(each, 0), [*g.strides, batch, *places, channels])
    order = [axis for i in range(s) for axis in (s + 1 + i, i)]
    mixed = b.transpose(stack, [s, *order, 2 * s + 1])
    whole = [size * stride for size, stride in zip(places, g.strides, strict=True)]
    dx = b.reshape(mixed, [batch, *whole, channels])
    return b.slice(dx, [0] * (s + 2), g.image)


def _phase(
    b: Builder, dy: Value, kernel: Value, g: ConvGeometry, remainders: Sequence[int]
) -> Value:
    """The gradient of every place that leaves the remainders, by an exchanged kernel."""
    phases = [_Phase.of(g, i, remainder) for i, remainder in enumerate(remainders)]
    if any(phase.taps == 0 for phase in phases):
        shape = [g.image[0], *(phase.places for phase in phases), g.image[-1]]
        return b.splat(0, RankedTensorType.get(shape, type_of(dy).element_type))
    inner = shape_of(kernel)[-2:]
    end = [
        phase.first + (phase.taps - 1) * stride + 1
        for phase, stride in zip(phases, g.strides, strict=True)
    ]
    seen = [*(phase.first for phase in phases), 0, 0]
    several = [i for i, phase in enumerate(phases) if phase.taps > 1]
    taps = b.reverse(b.slice(kernel, seen, [*end, *inner], [*g.strides, 1, 1]), several)
    low, high = [phase.low for phase in phases], [phase.high for phase in phases]
    cropped = b.pad(dy, [0, *(min(0, n) for n in low), 0], [0, *(min(0, n) for n in high), 0])
    return b.convolution(
        cropped,
        taps,
        strides=[1] * g.spatial,
        low=[max(0, n) for n in low],
        high=[max(0, n) for n in high],
        groups=g.groups,
    )


@dataclass(frozen=True)
class _Phase:
    """Along one dimension, the places of the image that leave one remainder by the stride.

    Attributes:
        places: how many there are, in an image that is a multiple of the stride.
        first: the first of their taps in the kernel as it is, which are a stride apart.
        taps: how many those are.
        low: the padding before dy; negative where its beginning does not count.
        high: the padding behind it.
    """

    places: int
    first: int
    taps: int
    low: int
    high: int

    @classmethod
    def of(cls, g: ConvGeometry, i: int, remainder: int) -> _Phase:
        stride, window = g.strides[i], g.window[i]
        begin = (remainder + g.low[i]) % stride
        taps = -(-(window - begin) // stride)
        places = -(-g.image[i + 1] // stride)
        low = taps - 1 - (remainder + g.low[i] - begin) // stride
        high = places + taps - 1 - low - g.output[i + 1]
        return cls(places, begin, max(0, taps), low, high)


def _has_phases(op: Any) -> bool:
    """Interleaving costs a depthwise one more than zeros do: 4.1 ms, not 3.1, for 8x48x48x96."""
    g = geometry_of(op)
    return (
        g.groups == 1
        and any(stride > 1 for stride in g.strides)
        and all(n == 1 for n in g.dilations)
    )


FORMS = [
    Form("pointwise", lambda op: geometry_of(op).pointwise, _pointwise),
    Form("phases", _has_phases, _phases),
    Form("convolution", always, _convolution),
]
