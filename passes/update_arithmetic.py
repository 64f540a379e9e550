"""What the formulas of updates are made of: arithmetic on tensors, or on scalars in a kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import ArrayAttr, FloatAttr, RankedTensorType, Value, stablehlo_bindings


class Arithmetic(Protocol):
    """What a formula may use; every value has the type of the parameter's elements."""

    def constant(self, value: float) -> Value: ...
    def add(self, x: Value, y: Value) -> Value: ...
    def subtract(self, x: Value, y: Value) -> Value: ...
    def multiply(self, x: Value, y: Value) -> Value: ...
    def divide(self, x: Value, y: Value) -> Value: ...
    def maximum(self, x: Value, y: Value) -> Value: ...
    def minimum(self, x: Value, y: Value) -> Value: ...
    def sqrt(self, x: Value) -> Value: ...
    def sign(self, x: Value) -> Value: ...
    def where_positive(self, x: Value, then: Value, other: Value) -> Value: ...


@dataclass(frozen=True)
class Spread:
    """A tensor of lower rank that a formula reads: dimension i runs along `dimensions[i]`."""

    value: Value
    dimensions: Sequence[int] = ()


@dataclass(frozen=True)
class Prepared:
    """What is computed outside of the kernel.

    Attributes:
        parts: what the formula reads besides the gradient and the state.
        assigned: new values of whole states, by the attribute that names the state.
    """

    parts: list[Spread]
    assigned: dict[str, Value] = field(default_factory=dict)


Formula = Callable[[Arithmetic, Any, Value, Sequence[Value], Sequence[Value]], list[Value]]
"""(arithmetic, op, gradient, values of the parts, old states) -> new states."""

Current = Callable[[str], Value]
"""The present value of the state that an attribute names; of "parameter", its trained slice."""


class Tensors:
    """The arithmetic on StableHLO tensors of one type."""

    def __init__(self, builder: Builder, type_: RankedTensorType) -> None:
        self.builder, self.type = builder, type_
        self.add, self.subtract = builder.add, builder.subtract
        self.multiply, self.divide = builder.multiply, builder.divide
        self.maximum, self.minimum = builder.maximum, builder.minimum
        self.sqrt, self.sign = builder.sqrt, builder.sign

    def where_positive(self, x: Value, then: Value, other: Value) -> Value:
        """`then` where x > 0; `other` where it is not, as where it is NaN."""
        b = self.builder
        return b.select(b.compare("GT", x, b.zeros_like(x)), then, other)

    def constant(self, value: float) -> Value:
        """`value` everywhere."""
        return self.builder.splat(value, self.type)

    def spread(self, part: Spread) -> Value:
        """The part as a tensor of the type."""
        converted = self.builder.convert(part.value, self.type.element_type)
        return self.builder.broadcast_in_dim(converted, self.type.shape, part.dimensions)


def treated(a: Arithmetic, op: Any, gradient: Value, scale: Value | None) -> Value:
    """The gradient after `scale` (the operand's value) and `clip_value` of `op`."""
    if scale is not None:
        gradient = a.multiply(gradient, scale)
    if "clip_value" in op.attributes:
        limit = FloatAttr(op.attributes["clip_value"]).value
        gradient = a.minimum(a.maximum(gradient, a.constant(-limit)), a.constant(limit))
    return gradient


def decayed(a: Arithmetic, op: Any, gradient: Value, weight: Value) -> Value:
    """gradient + weight_decay * weight"""
    if op.weight_decay.value == 0:
        return gradient
    return a.add(gradient, a.multiply(weight, a.constant(op.weight_decay.value)))


def shrunk(a: Arithmetic, op: Any, weight: Value, rate: Value) -> Value:
    """weight * (1 - rate * weight_decay)"""
    if op.weight_decay.value == 0:
        return weight
    return a.subtract(
        weight, a.multiply(weight, a.multiply(rate, a.constant(op.weight_decay.value)))
    )


def average(a: Arithmetic, old: Value, new: Value, beta: float) -> Value:
    """beta * old + (1 - beta) * new"""
    return a.add(a.multiply(old, a.constant(beta)), a.multiply(new, a.constant(1 - beta)))


def sum_of_squares(b: Builder, x: Value) -> Value:
    """The sum of the squares of x, a tensor in memory, as a rank-0 tensor.

    By columns first, as a contraction: a sum of products may be split in stages, and the products
    are in memory then. It is not for `mixed-precision`: a norm of narrow floats overflows.
    """
    *lead, last = shape_of(x) or [1]
    matrix = b.reshape(x, [math.prod(lead), last])
    columns = b.dot_general(matrix, matrix, ([0], [0]), ([1], [1]))
    exactly: list[Any] = [stablehlo_bindings.PrecisionAttr.get("HIGHEST")] * 2
    columns.owner.attributes["precision_config"] = ArrayAttr.get(exactly)
    return b.reduce_add(columns, [0])
