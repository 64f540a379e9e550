"""Derivatives of contractions.

The gradient by the input comes before the gradient by the weight: it reads the weight, and an
update in place of the weight must come after every read of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import Value, stablehlo_bindings
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import defining_op, is_made_by
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@dataclass(frozen=True)
class Side:
    """One operand of a contraction: which of its dimensions does what."""

    value: Value
    batch: list[int]
    contracting: list[int]

    @property
    def free(self) -> list[int]:
        """The dimensions that are neither batched nor contracted."""
        taken = {*self.batch, *self.contracting}
        return [i for i in range(len(shape_of(self.value))) if i not in taken]


def sides(op: Any) -> tuple[Side, Side]:
    """Both operands of a `stablehlo.dot_general`."""
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    left = Side(
        op.operands[0],
        list(numbers.lhs_batching_dimensions),
        list(numbers.lhs_contracting_dimensions),
    )
    right = Side(
        op.operands[1],
        list(numbers.rhs_batching_dimensions),
        list(numbers.rhs_contracting_dimensions),
    )
    return left, right


@gradient("stablehlo.dot_general")
def dot_general(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """z[b, m, n] = x[b, m, k] * y[b, n, k];  dx = dz * y over n, dy = x * dz over m"""
    left, right = sides(op)
    batches, lefts = len(left.batch), len(left.free)
    batch = list(range(batches))
    of_left = Side(dy, batch, [batches + lefts + i for i in range(len(right.free))])
    of_right = Side(dy, batch, [batches + i for i in range(lefts)])
    return (
        _operand_gradient(b, left, right, of_left),
        _operand_gradient(b, right, left, of_right),
    )


def _operand_gradient(b: GradientBuilder, operand: Side, other: Side, dy: Side) -> Value:
    """Contract `dy` with the other operand, in the order that gives the operand's layout.

    What `dy` has left are the operand's free dimensions, what the other operand has left are the
    contracted ones, in its own order.
    """
    pairs = sorted(
        zip(other.contracting, operand.contracting, strict=True), key=lambda pair: pair[0]
    )
    contracted = [ours for _, ours in pairs]
    rest = Side(other.value, other.batch, other.free)
    first, order = dy, [*operand.batch, *operand.free, *contracted]
    swapped = [*operand.batch, *contracted, *operand.free]
    second = rest
    if order != sorted(order) and swapped == sorted(swapped):
        first, second, order = rest, dy, swapped
    product = b.dot_general(
        first.value,
        second.value,
        (first.contracting, second.contracting),
        (first.batch, second.batch),
    )
    return b.transpose(product, [int(i) for i in np.argsort(order)])


def transposed_contraction(
    b: GradientBuilder, value: Value, permutation: Sequence[int]
) -> Value | None:
    """The transpose of a contraction as the contraction of the swapped operands.

    None when `value` is not a contraction or the permutation does not swap its operands' free
    dimensions. The contraction that it replaces is then left without a use.
    """
    if not is_made_by(value, "stablehlo.dot_general"):
        return None
    left, right = sides(defining_op(value))
    batches, lefts = len(left.batch), len(left.free)
    ranks = list(range(len(permutation)))
    swap = ranks[:batches] + ranks[batches + lefts :] + ranks[batches : batches + lefts]
    if list(permutation) != swap:
        return None
    return b.dot_general(
        right.value,
        left.value,
        (right.contracting, left.contracting),
        (right.batch, left.batch),
    )
