"""Derivatives of convolutions: both gradients are ops of the dialect, in its own layout.

Every convolution is brought to the form that these ops know, images [N, spatial..., C] and kernels
[spatial..., C / groups, O]: groups of the batch become groups of features, and a convolution of a
dilated image (a transposed one) is read backwards.

The gradient by the image comes before that by the kernel: it reads the kernel, and an update in
place of the kernel must come after every read of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import i64, i64s, shape_of, type_of
from pock_mlir.ir import (
    DenseBoolArrayAttr,
    DenseI64ArrayAttr,
    DenseIntElementsAttr,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@gradient("stablehlo.convolution")
def convolution(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """y = x * w;  dx = dy * w, read backwards;  dw = x * dy"""
    order, batches = _Order.of(op), op.attributes["batch_group_count"].value
    reversed_ = _reversed_dimensions(op)
    image = _batch_to_features(b, b.transpose(op.operands[0], order.image), batches)
    kernel = b.reverse(b.transpose(op.operands[1], order.kernel), reversed_)
    window = _Window.of(op)
    if batches > 1:
        window = replace(window, groups=batches)
    dx, dw = window.gradients(b, image, kernel, b.transpose(dy, order.output))
    return (
        b.transpose(_features_to_batch(b, dx, batches), _inverse(order.image)),
        b.transpose(b.reverse(dw, reversed_), _inverse(order.kernel)),
    )


@dataclass(frozen=True)
class _Order:
    """Permutations from the convolution's dimension numbers to the canonical order."""

    image: list[int]
    kernel: list[int]
    output: list[int]

    @classmethod
    def of(cls, op: Any) -> _Order:
        d = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
        return cls(
            [d.input_batch_dimension, *d.input_spatial_dimensions, d.input_feature_dimension],
            [
                *d.kernel_spatial_dimensions,
                d.kernel_input_feature_dimension,
                d.kernel_output_feature_dimension,
            ],
            [d.output_batch_dimension, *d.output_spatial_dimensions, d.output_feature_dimension],
        )


def _inverse(permutation: Sequence[int]) -> list[int]:
    return [int(i) for i in np.argsort(permutation)]


def _batch_to_features(b: GradientBuilder, image: Value, groups: int) -> Value:
    """[groups * N, spatial..., C] to [N, spatial..., groups * C]"""
    if groups == 1:
        return image
    batch, *space, channels = shape_of(image)
    split = b.reshape(image, [groups, batch // groups, *space, channels])
    inner = list(range(1, len(space) + 2))
    moved = b.transpose(split, [*inner, 0, len(space) + 2])
    return b.reshape(moved, [batch // groups, *space, groups * channels])


def _features_to_batch(b: GradientBuilder, image: Value, groups: int) -> Value:
    """[N, spatial..., groups * C] to [groups * N, spatial..., C]"""
    if groups == 1:
        return image
    batch, *space, channels = shape_of(image)
    split = b.reshape(image, [batch, *space, groups, channels // groups])
    inner = list(range(len(space) + 1))
    moved = b.transpose(split, [len(space) + 1, *inner, len(space) + 2])
    return b.reshape(moved, [groups * batch, *space, channels // groups])


def _ints(op: Any, name: str) -> list[int]:
    if name not in op.attributes:
        return [1] * (type_of(op.operands[0]).rank - 2)
    return list(DenseI64ArrayAttr(op.attributes[name]))


def _reversed_dimensions(op: Any) -> list[int]:
    if "window_reversal" not in op.attributes:
        return []
    return [
        i for i, flag in enumerate(DenseBoolArrayAttr(op.attributes["window_reversal"])) if flag
    ]


def _exchanged(b: GradientBuilder, kernel: Value, groups: int) -> Value:
    """[spatial..., C / groups, O] flipped in space, to [spatial..., O / groups, C]."""
    *space, inputs, outputs = shape_of(kernel)
    s = len(space)
    flipped = b.reverse(kernel, list(range(s)))
    if groups == 1:
        return b.transpose(flipped, [*range(s), s + 1, s])
    split = b.reshape(flipped, [*space, inputs, groups, outputs // groups])
    moved = b.transpose(split, [*range(s), s + 2, s + 1, s])
    return b.reshape(moved, [*space, outputs // groups, groups * inputs])


@dataclass(frozen=True)
class _Window:
    """How the kernel moves over the image: one entry per spatial dimension."""

    strides: list[int]
    low: list[int]
    high: list[int]
    image_dilations: list[int]
    dilations: list[int]
    groups: int

    @classmethod
    def of(cls, op: Any) -> _Window:
        rank = type_of(op.operands[0]).rank - 2
        padding = np.zeros((rank, 2), np.int64)
        if "padding" in op.attributes:
            padding = np.array(DenseIntElementsAttr(op.attributes["padding"])).reshape(rank, 2)
        return cls(
            _ints(op, "window_strides"),
            padding[:, 0].tolist(),
            padding[:, 1].tolist(),
            _ints(op, "lhs_dilation"),
            _ints(op, "rhs_dilation"),
            op.attributes["feature_group_count"].value,
        )

    def gradients(
        self, b: GradientBuilder, image: Value, kernel: Value, dy: Value
    ) -> tuple[Value, Value]:
        """Those by the image and by the kernel."""
        if all(n == 1 for n in self.image_dilations):
            return self._straight(b, image, kernel, dy)
        if all(n == 1 for n in self.strides):
            return self._transposed(b, image, kernel, dy)
        return self._spread(b, image, kernel, dy)

    def _straight(
        self, b: GradientBuilder, image: Value, kernel: Value, dy: Value
    ) -> tuple[Value, Value]:
        """Those of a convolution whose image is not dilated."""
        dx = b.create("pock.conv_input_gradient", [dy, kernel], [image.type], self._attributes)
        dw = b.create("pock.conv_kernel_gradient", [image, dy], [kernel.type], self._attributes)
        return dx.results[0], dw.results[0]

    def _spread(
        self, b: GradientBuilder, image: Value, kernel: Value, dy: Value
    ) -> tuple[Value, Value]:
        """The same where the window has strides as well: of the image with zeros in between."""
        none = [0] * len(shape_of(image))
        spread = b.pad(image, none, none, [0, *(n - 1 for n in self.image_dilations), 0])
        dx, dw = self._straight(b, spread, kernel, dy)
        return b.slice(dx, none, shape_of(spread), [1, *self.image_dilations, 1]), dw

    def _transposed(
        self, b: GradientBuilder, image: Value, kernel: Value, dy: Value
    ) -> tuple[Value, Value]:
        """Those of the gradient of a plain convolution from dy to the image, which is linear."""
        plain = self._read_backwards(image, kernel, dy)
        backwards = _exchanged(b, kernel, self.groups)
        dx = b.convolution(
            dy,
            backwards,
            strides=plain.strides,
            low=plain.low,
            high=plain.high,
            rhs_dilation=plain.dilations,
            groups=self.groups,
        )
        dw = b.create(
            "pock.conv_kernel_gradient", [dy, image], [backwards.type], plain._attributes
        ).results[0]
        return dx, _exchanged(b, dw, self.groups)

    def _read_backwards(self, image: Value, kernel: Value, dy: Value) -> _Window:
        """The window of the plain convolution from `dy` to the image."""
        low, high = [], []
        for i, (n, window, places) in enumerate(
            zip(shape_of(image)[1:-1], shape_of(kernel), shape_of(dy)[1:-1], strict=False)
        ):
            reach = (window - 1) * self.dilations[i]
            low.append(reach - self.low[i])
            high.append((n - 1) * self.image_dilations[i] + 1 + reach - places - low[i])
        ones = [1] * len(low)
        return replace(self, strides=self.image_dilations, low=low, high=high, image_dilations=ones)

    @property
    def _attributes(self) -> dict[str, Any]:
        return {
            "strides": i64s(self.strides),
            "dilations": i64s(self.dilations),
            "padding_low": i64s(self.low),
            "padding_high": i64s(self.high),
            "groups": i64(self.groups),
        }
