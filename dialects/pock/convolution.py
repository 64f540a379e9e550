"""Gradients of convolutions, in the layout that all convolutions have inside the compiler:
images [N, spatial..., C], kernels [spatial..., C / groups, O], one to three spatial dimensions.
"""

from typing import Any

from pock_mlir.dialects.pock.dialect import Pock, int_array, require, tensor_type, verifier
from pock_mlir.ir import IntegerAttr, RankedTensorType, Value, ext


def output_size(size: int, window: int, stride: int, padding: int, dilation: int) -> int:
    """Number of places of a window along one dimension (`padding`: both ends together)."""
    return (size + padding - (dilation * (window - 1) + 1)) // stride + 1


def _verify(op: Any, image: Value, kernel: Value, dy: Value) -> None:
    image_type, kernel_type = tensor_type(image, "image"), tensor_type(kernel, "kernel")
    dy_type = tensor_type(dy, "output_gradient")
    spatial = image_type.rank - 2
    require(1 <= spatial <= 3, f"needs 1 to 3 spatial dimensions, the image has {spatial}")
    require(
        kernel_type.rank == dy_type.rank == image_type.rank,
        "image, kernel and output_gradient must have the same rank",
    )
    strides, dilations = int_array(op, "strides"), int_array(op, "dilations")
    low, high = int_array(op, "padding_low"), int_array(op, "padding_high")
    for name, values in (
        ("strides", strides),
        ("dilations", dilations),
        ("padding_low", low),
        ("padding_high", high),
    ):
        require(len(values) == spatial, f"'{name}' must have {spatial} entries, got {values}")
    require(min(strides + dilations) > 0, "strides and dilations must be positive")
    _verify_channels(op.groups.value, image_type, kernel_type, dy_type)
    for i in range(spatial):
        size = output_size(
            image_type.shape[i + 1],
            kernel_type.shape[i],
            strides[i],
            low[i] + high[i],
            dilations[i],
        )
        require(
            dy_type.shape[i + 1] == size,
            f"output_gradient must have {size} places in spatial dimension {i},"
            f" got {dy_type.shape[i + 1]}",
        )


def _verify_channels(
    groups: int, image: RankedTensorType, kernel: RankedTensorType, dy: RankedTensorType
) -> None:
    channels, outputs = image.shape[-1], kernel.shape[-1]
    require(groups > 0, f"'groups' must be positive, got {groups}")
    require(
        kernel.shape[-2] * groups == channels and outputs % groups == 0,
        f"kernel {kernel} does not fit {channels} channels in {groups} groups",
    )
    require(
        dy.shape[0] == image.shape[0] and dy.shape[-1] == outputs,
        f"output_gradient {dy} does not fit image {image} and kernel {kernel}",
    )


class ConvInputGradientOp(Pock.Operation, name="conv_input_gradient", traits=[ext.Pure]):
    """The gradient of a convolution by its input: (output_gradient, kernel) -> image."""

    output_gradient: ext.Operand[RankedTensorType]
    kernel: ext.Operand[RankedTensorType]
    strides: Any
    dilations: Any
    padding_low: Any
    padding_high: Any
    groups: IntegerAttr
    image_gradient: ext.Result[RankedTensorType]
    verify_invariants = verifier(
        lambda op: _verify(op, op.image_gradient, op.kernel, op.output_gradient)
    )


class ConvKernelGradientOp(Pock.Operation, name="conv_kernel_gradient", traits=[ext.Pure]):
    """The gradient of a convolution by its kernel: (image, output_gradient) -> kernel."""

    image: ext.Operand[RankedTensorType]
    output_gradient: ext.Operand[RankedTensorType]
    strides: Any
    dilations: Any
    padding_low: Any
    padding_high: Any
    groups: IntegerAttr
    kernel_gradient: ext.Result[RankedTensorType]
    verify_invariants = verifier(
        lambda op: _verify(op, op.image, op.kernel_gradient, op.output_gradient)
    )
