"""What a form is, and the numbers of a convolution that forms need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Value


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
    return list(DenseI64ArrayAttr(op.attributes[name]))


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

    @property
    def spatial(self) -> int:
        """Number of spatial dimensions."""
        return len(self.strides)

    @property
    def window(self) -> list[int]:
        """Spatial extent of the kernel."""
        return self.kernel[: self.spatial]

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
