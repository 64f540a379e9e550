"""What a form is, and the numbers of a convolution that forms need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, IntegerAttr, Value, stablehlo_bindings


@dataclass(frozen=True)
class Form:
    """One way to compute an op.

    Attributes:
        name: how `lower-pock{forms=op:name}` asks for it.
        legal: whether the form can compute this op.
        build: builds the op's result with the builder, which inserts before the op.
    """

    name: str
    legal: Callable[[Any], bool]
    build: Callable[[Builder, Any], Value]


def always(op: Any) -> bool:
    """The predicate of a form that is legal for every op."""
    del op
    return True


def ints(op: Any, name: str) -> list[int]:
    """The `array<i64>` attribute `name`."""
    return list(DenseI64ArrayAttr(op.operation.attributes[name]))


@dataclass(frozen=True)
class ConvGeometry:
    """A convolution of an image [N, spatial..., C] by a kernel [spatial..., C / groups, O]."""

    image: list[int]
    kernel: list[int]
    output: list[int]
    strides: list[int]
    dilations: list[int]
    low: list[int]
    high: list[int]
    groups: int

    @classmethod
    def of(cls, op: Any, image: Value, kernel: Value, output: Value) -> ConvGeometry:
        """The geometry of a `pock.conv_*_gradient` op."""
        return cls(
            shape_of(image),
            shape_of(kernel),
            shape_of(output),
            ints(op, "strides"),
            ints(op, "dilations"),
            ints(op, "padding_low"),
            ints(op, "padding_high"),
            op.groups.value,
        )

    @classmethod
    def of_convolution(cls, op: Any) -> ConvGeometry | None:
        """The geometry of a `stablehlo.convolution`; None where its image or result lies otherwise,
        or the image is dilated."""
        image, kernel = (shape_of(operand) for operand in op.operands)
        spatial, last = len(image) - 2, len(image) - 1
        attributes = op.operation.attributes
        numbers = stablehlo_bindings.ConvDimensionNumbers(attributes["dimension_numbers"])
        space = list(range(spatial))
        order = (
            numbers.input_batch_dimension,
            numbers.input_feature_dimension,
            numbers.output_batch_dimension,
            numbers.output_feature_dimension,
            numbers.kernel_input_feature_dimension,
            numbers.kernel_output_feature_dimension,
        )

        def window(name: str) -> list[int]:
            return ints(op, name) if name in attributes else [1] * spatial

        if (
            order != (0, last, 0, last, spatial, spatial + 1)
            or list(numbers.kernel_spatial_dimensions) != space
            or IntegerAttr(attributes["batch_group_count"]).value != 1
            or any(n != 1 for n in window("lhs_dilation"))
            or ("window_reversal" in attributes and any(attributes["window_reversal"]))
        ):
            return None
        padding = np.zeros((spatial, 2), np.int64)
        if "padding" in attributes:
            padding = np.array(attributes["padding"]).reshape(spatial, 2)
        return cls(
            image,
            kernel,
            shape_of(op.operation.results[0]),
            window("window_strides"),
            window("rhs_dilation"),
            padding[:, 0].tolist(),
            padding[:, 1].tolist(),
            IntegerAttr(attributes["feature_group_count"]).value,
        )

    @property
    def spatial(self) -> int:
        """Number of spatial dimensions."""
        return len(self.strides)

    @property
    def window(self) -> list[int]:
        """Spatial extent of the kernel."""
        return self.kernel[: self.spatial]

    @property
    def multiplications(self) -> int:
        """How many there are, padding included."""
        return math.prod(self.output) * math.prod(self.kernel[:-1])

    @property
    def depthwise(self) -> bool:
        """One input and one output channel per group."""
        return self.groups == self.image[-1] == self.kernel[-1]

    @property
    def pointwise(self) -> bool:
        """A 1x1 convolution without padding: a matrix product at every (strided) place."""
        return (
            self.groups == 1 and all(n == 1 for n in self.window) and not any(self.low + self.high)
        )
