"""Where a gradient comes from, and how to compute it inside the kernel that consumes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pock_mlir.backends.iree.linalg import ScalarArithmetic, generic, zeros
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    Operation,
    OpResult,
    Value,
    stablehlo_bindings,
)


@dataclass(frozen=True)
class GradientSource:
    """A gradient as a function of tensors that are materialised anyway.

    Attributes:
        operands: what the kernel reads.
        build: (builder inside the kernel, operands loaded there) -> the gradient.
        shape: the gradient's shape; it may lack unit dimensions of the parameter.
        dead: ops that the kernel replaces; erase them in this order.
    """

    operands: list[Value]
    build: Callable[[Builder, Sequence[Value]], Value]
    shape: list[int]
    dead: list[Operation]


def gradient_source(b: Builder, gradient: Value) -> GradientSource:
    """The best source for `gradient`: a contraction or reduction that nothing else uses, or itself.

    `b` builds reshapes of operands, outside of the kernel.
    """
    dead: list[Operation] = []
    value = gradient
    while (op := _sole_definition(value)) is not None and op.name == "stablehlo.reshape":
        if _without_units(op.operands[0]) != _without_units(value):
            break
        dead.append(op)
        value = op.operands[0]
    op = _sole_definition(value)
    if op is not None and op.name == "stablehlo.dot_general":
        return _contraction(op, [*dead, op])
    if op is not None and op.name == "stablehlo.reduce" and _sums_leading(op):
        return _column_sums(b, op, [*dead, op])
    return GradientSource([gradient], lambda _, loaded: loaded[0], shape_of(gradient), [])


def _sole_definition(value: Value) -> Operation | None:
    """The op that defines `value` for a single use."""
    if not isinstance(value, OpResult) or len(list(value.uses)) != 1:
        return None
    return value.owner if isinstance(value.owner, Operation) else value.owner.operation


def _without_units(value: Value) -> list[int]:
    return [size for size in shape_of(value) if size != 1]


def _contraction(op: Operation, dead: list[Operation]) -> GradientSource:
    """A dot_general as fill, multiply, add."""
    lhs, rhs = op.operands
    numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    maps, loops = _contraction_maps(numbers, len(shape_of(lhs)), len(shape_of(rhs)))
    result = op.results[0]
    outputs = len(shape_of(result))

    def multiply_add(a: ScalarArithmetic, inputs: list[Value], sums: list[Value]) -> list[Value]:
        return [a.add(sums[0], a.multiply(*inputs))]

    def build(b: Builder, loaded: Sequence[Value]) -> Value:
        initial = zeros(b, shape, element)
        reductions = range(outputs, loops)
        return generic(b, loaded, [initial], maps, loops, reductions, multiply_add)[0]

    shape, element = shape_of(result), type_of(result).element_type
    return GradientSource([lhs, rhs], build, shape, dead)


def _contraction_maps(
    numbers: stablehlo_bindings.DotDimensionNumbers, lhs_rank: int, rhs_rank: int
) -> tuple[list[list[int]], int]:
    """Loops: batch, free dimensions of lhs, free ones of rhs, then the contracted ones."""
    lhs, rhs = [-1] * lhs_rank, [-1] * rhs_rank
    loop = 0
    for i, j in zip(numbers.lhs_batching_dimensions, numbers.rhs_batching_dimensions, strict=True):
        lhs[i] = rhs[j] = loop
        loop += 1
    contracting = list(
        zip(numbers.lhs_contracting_dimensions, numbers.rhs_contracting_dimensions, strict=True)
    )
    for dims, contracted in (
        (lhs, {i for i, _ in contracting}),
        (rhs, {j for _, j in contracting}),
    ):
        for i, known in enumerate(dims):
            if known < 0 and i not in contracted:
                dims[i] = loop
                loop += 1
    outputs = list(range(loop))
    for i, j in contracting:
        lhs[i] = rhs[j] = loop
        loop += 1
    return [lhs, rhs, outputs], loop


def _sums_leading(op: Operation) -> bool:
    """Whether `op` adds up the leading dimensions of one tensor."""
    if len(op.operands) != 2:
        return False
    combiner = op.regions[0].blocks[0].operations[0]
    dimensions = list(DenseI64ArrayAttr(op.attributes["dimensions"]))
    return combiner.operation.name == "stablehlo.add" and dimensions == list(range(len(dimensions)))


def _column_sums(b: Builder, op: Operation, dead: list[Operation]) -> GradientSource:
    """A sum over leading dimensions as the column sums of a matrix (IREE's fast case)."""
    rows = len(list(DenseI64ArrayAttr(op.attributes["dimensions"])))
    shape = shape_of(op.operands[0])
    result = op.results[0]
    columns = math.prod(shape[rows:])
    matrix = b.reshape(op.operands[0], [math.prod(shape[:rows]), columns])

    def add(a: ScalarArithmetic, inputs: list[Value], sums: list[Value]) -> list[Value]:
        return [a.add(sums[0], inputs[0])]

    def build(b: Builder, loaded: Sequence[Value]) -> Value:
        initial = zeros(b, [columns], type_of(result).element_type)
        return generic(b, loaded, [initial], [[1, 0], [0]], 2, [1], add)[0]

    return GradientSource([matrix], build, [columns], dead)
