"""The gradient of max-pooling, whose windows may overlap."""

from typing import Any

from pock_mlir.dialects.pock.convolution import output_size
from pock_mlir.dialects.pock.dialect import Pock, int_array, require, tensor_type, verifier
from pock_mlir.ir import RankedTensorType, ext


def _verify(op: "MaxPoolGradientOp") -> None:
    image, pooled = tensor_type(op.image, "image"), tensor_type(op.pooled, "pooled")
    gradient = tensor_type(op.output_gradient, "output_gradient")
    require(gradient == pooled, f"output_gradient must have the type of pooled, {pooled}")
    require(op.image_gradient.type == image, f"image_gradient must have the type of image, {image}")
    attributes = [
        int_array(op, name)
        for name in ("window_dimensions", "window_strides", "padding_low", "padding_high")
    ]
    require(
        all(len(values) == image.rank for values in attributes),
        f"window attributes must have {image.rank} entries, the rank of the image",
    )
    for i, (window, stride, low, high) in enumerate(zip(*attributes, strict=True)):
        require(window > 0 and stride > 0, "windows and strides must be positive")
        size = output_size(image.shape[i], window, stride, low + high, 1)
        require(
            pooled.shape[i] == size,
            f"pooled must have {size} places in dimension {i}, got {pooled.shape[i]}",
        )


class MaxPoolGradientOp(Pock.Operation, name="max_pool_gradient", traits=[ext.Pure]):
    """Send each output's gradient to the first place, in row-major order, of its window's maximum.

    `pooled` is the result of the forward op. StableHLO's select_and_scatter says the same but is
    illegal in IREE as soon as windows overlap.
    """

    image: ext.Operand[RankedTensorType]
    pooled: ext.Operand[RankedTensorType]
    output_gradient: ext.Operand[RankedTensorType]
    window_dimensions: Any
    window_strides: Any
    padding_low: Any
    padding_high: Any
    image_gradient: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify)
