"""The three transforms of Winograd's convolutions (Lavin and Gray, 2015, "Fast Algorithms for
Convolutional Neural Networks") by kernels of 3x3, whose result is computed in squares.
"""

from typing import Any

from pock_mlir.dialects.pock.dialect import Pock, require, tensor_type, verifier
from pock_mlir.ir import IntegerAttr, RankedTensorType, ext

WINDOW = 3
"""Places of the kernel in each dimension."""
SIDES = (2, 4)
"""Sides of a square of the result that there are transforms for."""


def seen(side: int) -> int:
    """The side of the part of the image that a square of the result depends on."""
    return side + WINDOW - 1


def _types(op: Any, operand: str, result: str) -> tuple[RankedTensorType, RankedTensorType, int]:
    x, y = tensor_type(getattr(op, operand), operand), tensor_type(getattr(op, result), result)
    require(x.element_type == y.element_type, f"{operand} and {result} must have one element type")
    side = op.side.value
    require(side in SIDES, f"'side' must be one of {', '.join(map(str, SIDES))}, got {side}")
    return x, y, side


def _require_shape(type_: RankedTensorType, shape: list[int], name: str) -> None:
    require(list(type_.shape) == shape, f"{name} must have the shape {shape}, got {type_}")


def _verify_image(op: "WinogradImageOp") -> None:
    image, parts, side = _types(op, "image", "parts")
    require(image.rank == 4, f"image must be [N, H, W, C], got {image}")
    batch, *places, channels = image.shape
    overlap = WINDOW - 1
    require(
        all(n > overlap and (n - overlap) % side == 0 for n in places),
        f"image must have {overlap} places more than a multiple of {side}, got {places}",
    )
    squares = [(n - overlap) // side for n in places]
    _require_shape(parts, [seen(side) ** 2, batch, *squares, channels], "parts")


def _verify_kernel(op: "WinogradKernelOp") -> None:
    kernel, parts, side = _types(op, "kernel", "parts")
    require(
        kernel.rank == 4 and list(kernel.shape[:2]) == [WINDOW] * 2,
        f"kernel must be [3, 3, C, O], got {kernel}",
    )
    _require_shape(parts, [seen(side) ** 2, *kernel.shape[2:]], "parts")


def _verify_output(op: "WinogradOutputOp") -> None:
    parts, output, side = _types(op, "parts", "output")
    require(
        parts.rank == 5 and parts.shape[0] == seen(side) ** 2,
        f"parts must be [{seen(side) ** 2}, N, H, W, O], got {parts}",
    )
    _, batch, high, wide, channels = parts.shape
    _require_shape(output, [batch, side * high, side * wide, channels], "output")


class WinogradImageOp(Pock.Operation, name="winograd_image", traits=[ext.Pure]):
    """B^T d B of each d, the overlapping squares of a padded image that squares of the result see.

    From [N, H, W, C] to [(side + 2)^2, N, (H - 2) / side, (W - 2) / side, C], row by row of the
    transformed squares.
    """

    image: ext.Operand[RankedTensorType]
    side: IntegerAttr
    parts: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_image)


class WinogradKernelOp(Pock.Operation, name="winograd_kernel", traits=[ext.Pure]):
    """G g G^T of a kernel g: from [3, 3, C, O] to [(side + 2)^2, C, O]."""

    kernel: ext.Operand[RankedTensorType]
    side: IntegerAttr
    parts: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_kernel)


class WinogradOutputOp(Pock.Operation, name="winograd_output", traits=[ext.Pure]):
    """A^T m A of the products m of image and kernel, each in its place of the result.

    From [(side + 2)^2, N, H, W, O] to [N, side * H, side * W, O].
    """

    parts: ext.Operand[RankedTensorType]
    side: IntegerAttr
    output: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_output)
