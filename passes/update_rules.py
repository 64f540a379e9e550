"""The arithmetic of the optimizer ops, written once.

A rule is a formula over an `Arithmetic`: StableHLO tensors for the functional reference form
(`expand-optimizer`), scalars inside one kernel for the in-place form of a backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import BoolAttr, FlatSymbolRefAttr, Value


class Arithmetic(Protocol):
    """What a formula may use; every value has the type of the parameter's elements."""

    def constant(self, value: float) -> Value: ...
    def add(self, x: Value, y: Value) -> Value: ...
    def subtract(self, x: Value, y: Value) -> Value: ...
    def multiply(self, x: Value, y: Value) -> Value: ...
    def divide(self, x: Value, y: Value) -> Value: ...
    def sqrt(self, x: Value) -> Value: ...


Formula = Callable[[Arithmetic, Any, Value, Sequence[Value], Sequence[Value]], list[Value]]


@dataclass(frozen=True)
class UpdateRule:
    """How one optimizer op changes its state.

    Attributes:
        states: the attributes that name the parameters the op writes; the trained one first.
        scalars: builds the rank-0 tensors that the formula needs, outside of the kernel.
        formula: (arithmetic, op, gradient, scalars, old states) -> new states.
    """

    states: tuple[str, ...]
    scalars: Callable[[Builder, Any], list[Value]]
    formula: Formula

    def state_names(self, op: Any) -> list[str]:
        """The parameters that `op` writes, in the order of the formula's states."""
        return [FlatSymbolRefAttr(op.attributes[name]).value for name in self.states]


def _decayed(a: Arithmetic, op: Any, gradient: Value, weight: Value) -> Value:
    """gradient + weight_decay * weight"""
    if op.weight_decay.value == 0:
        return gradient
    return a.add(gradient, a.multiply(weight, a.constant(op.weight_decay.value)))


def _sgd(
    a: Arithmetic, op: Any, gradient: Value, scalars: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    (learning_rate,), (weight,) = scalars, states
    gradient = _decayed(a, op, gradient, weight)
    return [a.subtract(weight, a.multiply(learning_rate, gradient))]


def _momentum(
    a: Arithmetic, op: Any, gradient: Value, scalars: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    (learning_rate,), (weight, velocity) = scalars, states
    momentum = a.constant(op.momentum.value)
    gradient = _decayed(a, op, gradient, weight)
    velocity = a.add(a.multiply(velocity, momentum), gradient)
    direction = velocity
    if BoolAttr(op.nesterov).value:
        direction = a.add(gradient, a.multiply(velocity, momentum))
    return [a.subtract(weight, a.multiply(learning_rate, direction)), velocity]


def _adamw_scalars(b: Builder, op: Any) -> list[Value]:
    """lr, lr / (1 - beta1^step), 1 / sqrt(1 - beta2^step)"""
    one = b.ones_like(op.step)

    def left(beta: float) -> Value:
        if beta == 0:
            return one
        # As -expm1(step * ln beta): 1 - 0.999 in f32 is wrong in the fifth digit.
        exponent = b.multiply(op.step, b.full_like(op.step, math.log(beta)))
        name = "stablehlo.exponential_minus_one"
        return b.negate(b.create(name, [exponent], [exponent.type]).results[0])

    step_size = b.divide(op.learning_rate, left(op.beta1.value))
    return [op.learning_rate, step_size, b.divide(one, b.sqrt(left(op.beta2.value)))]


def _adamw(
    a: Arithmetic, op: Any, gradient: Value, scalars: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    learning_rate, step_size, second_scale = scalars
    weight, first, second = states
    beta1, beta2 = op.beta1.value, op.beta2.value
    if op.weight_decay.value != 0:
        decay = a.multiply(learning_rate, a.constant(op.weight_decay.value))
        weight = a.subtract(weight, a.multiply(weight, decay))
    first = a.add(a.multiply(first, a.constant(beta1)), a.multiply(gradient, a.constant(1 - beta1)))
    squared = a.multiply(gradient, gradient)
    second = a.add(
        a.multiply(second, a.constant(beta2)), a.multiply(squared, a.constant(1 - beta2))
    )
    scale = a.add(a.multiply(a.sqrt(second), second_scale), a.constant(op.epsilon.value))
    step = a.multiply(step_size, a.divide(first, scale))
    return [a.subtract(weight, step), first, second]


UPDATE_RULES = {
    "pock.sgd": UpdateRule(("parameter",), lambda b, op: [op.learning_rate], _sgd),
    "pock.momentum": UpdateRule(
        ("parameter", "velocity"), lambda b, op: [op.learning_rate], _momentum
    ),
    "pock.adamw": UpdateRule(
        ("parameter", "first_moment", "second_moment"), _adamw_scalars, _adamw
    ),
}
