"""Adafactor: its formula, and what has to be known of the whole gradient before a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import DenseI64ArrayAttr, FloatAttr, Value
from pock_mlir.passes.update_arithmetic import (
    Arithmetic,
    Current,
    Prepared,
    Spread,
    Tensors,
    shrunk,
    treated,
)


def formula(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    """The new weight; `parts` as `prepare` gives them."""
    learning_rate, step_size, *variance = parts
    weight = shrunk(a, op, states[0], learning_rate)
    return [a.subtract(weight, a.multiply(step_size, _direction(a, op, gradient, variance)))]


def _direction(a: Arithmetic, op: Any, gradient: Value, variance: Sequence[Value]) -> Value:
    """The update before its norm is bounded; `variance` is one tensor, or two factors."""
    product = variance[0] if len(variance) == 1 else a.multiply(*variance)
    least = a.constant(FloatAttr(op.epsilon1).value ** 2)
    return a.divide(gradient, a.sqrt(a.maximum(product, least)))


def prepare(b: Builder, op: Any, current: Current) -> Prepared:
    """The learning rate, the size of the step, and the variance or its two factors.

    Outside of the kernel stand the means over rows and columns, the norm of the weight and the
    norm of the update; the gradient is read by both of the passes over it, so it is in memory.
    """
    tensors = Tensors(b, type_of(op.gradient))
    scale = None if op.scale is None else tensors.spread(Spread(op.scale))
    gradient = treated(tensors, op, op.gradient, scale)
    factors, assigned = _variance(b, op, gradient, current)
    update = _direction(tensors, op, gradient, [tensors.spread(each) for each in factors])
    size = _step_size(b, op, current("parameter"), update)
    return Prepared([Spread(op.learning_rate), Spread(size), *factors], assigned)


def _variance(
    b: Builder, op: Any, gradient: Value, current: Current
) -> tuple[list[Spread], dict[str, Value]]:
    """The parts whose product estimates the variance, and the new state."""
    weight = _power(b, op.step, FloatAttr(op.beta2_decay).value)
    if "variance" in op.attributes:
        new = _lerp(b, current("variance"), b.multiply(gradient, gradient), weight)
        return [Spread(new, range(len(shape_of(new))))], {"variance": new}
    rows, columns = DenseI64ArrayAttr(op.attributes["factors"])
    row = _lerp(b, current("row_variance"), _mean_square(b, gradient, columns), weight)
    column = _lerp(b, current("column_variance"), _mean_square(b, gradient, rows), weight)
    total = _mean(b, row, [rows])
    floor = b.full_like(total, FloatAttr(op.epsilon1).value)
    total = b.broadcast_in_dim(b.maximum(total, floor), shape_of(row), range(len(shape_of(row))))
    factors = [_squeezed(b, b.divide(row, total), columns), _squeezed(b, column, rows)]
    return factors, {"row_variance": row, "column_variance": column}


def _step_size(b: Builder, op: Any, weight: Value, update: Value) -> Value:
    """max(epsilon2, rms(w)) * min(lr, 1 / sqrt(step)) / max(1, rms(update) / threshold)"""
    one = b.ones_like(op.step)
    rate = b.minimum(op.learning_rate, b.divide(one, b.sqrt(op.step)))
    size = b.maximum(_rms(b, weight, one), b.full_like(one, FloatAttr(op.epsilon2).value))
    ratio = b.divide(_rms(b, update, one), b.full_like(one, FloatAttr(op.threshold).value))
    return b.divide(b.multiply(size, rate), b.maximum(one, ratio))


def _rms(b: Builder, x: Value, like: Value) -> Value:
    """The root of the mean of the squares of x, a rank-0 tensor of the type of `like`."""
    x = b.convert(x, type_of(like).element_type)
    *lead, last = shape_of(x) or [1]
    matrix = b.reshape(x, [math.prod(lead), last])
    total = b.reduce_add(b.reduce_add(b.multiply(matrix, matrix), [0]), [0])
    return b.sqrt(b.divide(total, b.full_like(total, math.prod(shape_of(x)))))


def _power(b: Builder, step: Value, exponent: float) -> Value:
    return b.power(step, b.full_like(step, exponent))


def _lerp(b: Builder, old: Value, new: Value, weight: Value) -> Value:
    """old + weight * (new - old)"""
    scaled = b.broadcast_to(b.convert(weight, type_of(old).element_type), old)
    return b.add(old, b.multiply(scaled, b.subtract(new, old)))


def _mean_square(b: Builder, x: Value, dimension: int) -> Value:
    """The mean of x * x over a dimension, which stays with extent 1; no square is in memory."""
    shape = shape_of(x)
    rest = [i for i in range(len(shape)) if i != dimension]
    total = b.dot_general(x, x, ([dimension], [dimension]), (rest, rest))
    kept = [1 if i == dimension else size for i, size in enumerate(shape)]
    return b.reshape(b.divide(total, b.full_like(total, shape[dimension])), kept)


def _mean(b: Builder, x: Value, dimensions: Sequence[int]) -> Value:
    """The mean over dimensions, which stay with extent 1."""
    shape = shape_of(x)
    count = math.prod(shape[i] for i in dimensions)
    total = b.reduce_add(x, dimensions)
    kept = [1 if i in set(dimensions) else size for i, size in enumerate(shape)]
    return b.reshape(b.divide(total, b.full_like(total, count)), kept)


def _squeezed(b: Builder, x: Value, dimension: int) -> Spread:
    """x without a dimension of extent 1, and where its others run."""
    shape = shape_of(x)
    rest = [i for i in range(len(shape)) if i != dimension]
    return Spread(b.reshape(x, [shape[i] for i in rest]), rest)
