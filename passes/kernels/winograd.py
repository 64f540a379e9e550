"""A convolution by a kernel of 3x3 with fewer multiplications (Lavin and Gray, 2015).

The result is computed in squares. A square of 2 by 2 takes 16 multiplications a channel where the
convolution has 36, one of 4 by 4 takes 36 where it has 144; the rest is additions, each of which
serves all channels of the other side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from pock_mlir.dialects.pock.winograd import seen
from pock_mlir.dialects.stablehlo import Builder, i64, type_of
from pock_mlir.ir import RankedTensorType, Value
from pock_mlir.passes.kernels.form import ConvGeometry

Matrix = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Transforms:
    """The matrices of both sides of a square: y = A^T ((G g G^T) * (B^T d B)) A.

    Attributes:
        image: B^T, [seen, seen].
        kernel: G, [seen, 3].
        output: A^T, [side, seen].
    """

    image: Matrix
    kernel: Matrix
    output: Matrix


@cache
def transforms(side: int) -> Transforms:
    """The matrices for squares of a side, by polynomials at 0, 1, -1 (and 2, -2) and infinity."""
    return {2: _two, 4: _four}[side]()


def _two() -> Transforms:
    return Transforms(
        np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32),
        np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.float32) / 2,
        np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32),
    )


def _four() -> Transforms:
    image = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    kernel = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    output = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    return Transforms(
        np.array(image, np.float32), np.array(kernel, np.float32) / 24, np.array(output, np.float32)
    )


def transformed_kernel(kernel: Matrix, side: int) -> Matrix:
    """What `pock.winograd_kernel` makes of a kernel [3, 3, C, O]: [(side + 2)^2, C, O]."""
    g = transforms(side).kernel.astype(np.float64)
    parts = np.einsum("ia,jb,abco->ijco", g, g, kernel.astype(np.float64), optimize=True)
    return parts.reshape(-1, *kernel.shape[2:]).astype(kernel.dtype)


def as_winograd(b: Builder, image: Value, kernel: Value, g: ConvGeometry, side: int) -> Value:
    """A convolution by a kernel of 3x3, without strides, as a stack of matrix products.

    Where the result is no multiple of the squares, they reach beyond it.
    """
    squares = [-(-n // side) for n in g.output[1:-1]]
    beyond = [side * n - size for n, size in zip(squares, g.output[1:-1], strict=True)]
    high = [n + more for n, more in zip(g.high, beyond, strict=True)]
    padded = b.pad(image, [0, *g.low, 0], [0, *high, 0])
    count, batch, (inputs, outputs) = seen(side) ** 2, g.image[0], g.kernel[-2:]
    parts = _transform(b, "image", padded, [count, batch, *squares, inputs], side)
    weights = _transform(b, "kernel", kernel, [count, inputs, outputs], side)
    rows = b.reshape(parts, [count, batch * math.prod(squares), inputs])
    products = b.dot_general(rows, weights, ([2], [1]), ([0], [0]))
    products = b.reshape(products, [count, batch, *squares, outputs])
    y = _transform(b, "output", products, [batch, *(side * n for n in squares), outputs], side)
    return b.slice(y, [0] * len(g.output), g.output) if any(beyond) else y


def _transform(b: Builder, of: str, x: Value, shape: list[int], side: int) -> Value:
    result = RankedTensorType.get(shape, type_of(x).element_type)
    return b.create(f"pock.winograd_{of}", [x], [result], {"side": i64(side)}).results[0]
