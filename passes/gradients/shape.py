"""Derivatives of ops that move elements about: each is the transpose of a 0-1 matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.contractions import transposed_contraction
from pock_mlir.passes.gradients.registry import Cotangents, gradient


def _ints(op: Any, name: str) -> list[int]:
    return list(DenseI64ArrayAttr(op.attributes[name]))


@gradient("stablehlo.reshape")
def reshape(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The gradient, in the operand's shape."""
    return (b.reshape(dy, shape_of(op.operands[0])),)


@gradient("stablehlo.transpose")
def transpose(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The gradient, transposed back; a contraction is written the other way round instead."""
    back = [int(i) for i in np.argsort(_ints(op, "permutation"))]
    return (transposed_contraction(b, dy, back) or b.transpose(dy, back),)


@gradient("stablehlo.broadcast_in_dim")
def broadcast_in_dim(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """Sum over every dimension that was added or stretched."""
    operand, result = shape_of(op.operands[0]), shape_of(dy)
    dimensions = _ints(op, "broadcast_dimensions")
    kept = [d for d, size in zip(dimensions, operand, strict=True) if size == result[d]]
    summed = b.reduce_add(dy, [d for d in range(len(result)) if d not in kept])
    order = [sorted(kept).index(d) for d in kept]
    return (b.reshape(b.transpose(summed, order), operand),)


@gradient("stablehlo.slice")
def slice_(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The gradient where it was taken from, zeros elsewhere."""
    start, strides = _ints(op, "start_indices"), _ints(op, "strides")
    high = [
        size - first - ((taken - 1) * stride + 1 if taken else 0)
        for size, first, taken, stride in zip(
            shape_of(op.operands[0]), start, shape_of(dy), strides, strict=True
        )
    ]
    return (b.pad(dy, start, high, [stride - 1 for stride in strides]),)


@gradient("stablehlo.pad")
def pad(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The gradient of what was padded; what a negative padding cropped gets zeros.

    The padding value gets what is left: the sum of the whole gradient less that of the operand's.
    """
    low, high = _ints(op, "edge_padding_low"), _ints(op, "edge_padding_high")
    strides = [between + 1 for between in _ints(op, "interior_padding")]
    uncropped = b.pad(dy, [max(0, -n) for n in low], [max(0, -n) for n in high])
    start = [max(0, n) for n in low]
    limit = [n - max(0, m) for n, m in zip(shape_of(uncropped), high, strict=True)]
    dx = b.slice(uncropped, start, limit, strides)
    if not b.is_active(op.operands[1]):
        return dx, None
    everywhere = list(range(len(low)))
    return dx, b.subtract(b.reduce_add(dy, everywhere), b.reduce_add(dx, everywhere))


@gradient("stablehlo.concatenate")
def concatenate(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """Each operand gets its slice of the gradient."""
    dimension, first, parts = op.attributes["dimension"].value, 0, []
    for operand in op.operands:
        start, limit = [0] * len(shape_of(dy)), shape_of(dy)
        start[dimension], limit[dimension] = first, first + shape_of(operand)[dimension]
        parts.append(b.slice(dy, start, limit))
        first = limit[dimension]
    return parts


@gradient("stablehlo.reverse")
def reverse(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The gradient, reversed along the same dimensions."""
    return (b.reverse(dy, _ints(op, "dimensions")),)


@gradient("stablehlo.optimization_barrier")
def optimization_barrier(b: GradientBuilder, op: Any, dy: Any) -> Cotangents:
    """The gradient as it is."""
    return [dy] if isinstance(dy, Value) else dy
