"""The arithmetic of the optimizer ops, written once.

A rule is a formula over an `Arithmetic`: StableHLO tensors for the functional reference form
(`expand-optimizer`), scalars inside one kernel for the in-place form of a backend. `rule_of` gives
the rule of an op with what the op says of its gradient (`dialects/pock/update.py`) around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import BoolAttr, DenseI64ArrayAttr, FlatSymbolRefAttr, Value
from pock_mlir.passes import adafactor
from pock_mlir.passes.update_arithmetic import (
    Arithmetic,
    Current,
    Formula,
    Prepared,
    Spread,
    Tensors,
    average,
    decayed,
    shrunk,
    treated,
)


@dataclass(frozen=True)
class UpdateRule:
    """How one optimizer op changes its state.

    Attributes:
        states: the attributes that name the parameters the kernel writes; the trained one first.
        prepare: (builder, op, current) -> what is computed outside of the kernel.
        formula: (arithmetic, op, gradient, values of the parts, old states) -> new states. The
            gradient is None for a rule that finds it in its state.
        reads_gradient: whether the kernel gets the gradient (if not, it lies in the last state).
    """

    states: tuple[str, ...]
    prepare: Callable[[Builder, Any, Current], Prepared]
    formula: Formula
    reads_gradient: bool = True

    def state_names(self, op: Any) -> list[str]:
        """The parameters that the kernel of `op` writes, in the order of the formula's states."""
        return [FlatSymbolRefAttr(op.attributes[name]).value for name in self.states]


def written_names(op: Any) -> set[str]:
    """Every parameter that an update writes: all that it names."""
    values = (op.attributes[name] for name in op.attributes)
    return {FlatSymbolRefAttr(each).value for each in values if isinstance(each, FlatSymbolRefAttr)}


def slice_of(op: Any) -> tuple[list[int], list[int]]:
    """Offsets and sizes of the part of its parameter that an update writes."""
    sizes = shape_of(op.gradient)
    if op.operation.name == ACCUMULATE:
        return [0] * len(sizes), sizes
    return list(DenseI64ArrayAttr(op.attributes["offsets"])), sizes


def rule_of(op: Any) -> UpdateRule:
    """The rule of an update with what it says of its gradient."""
    rule = UPDATE_RULES[op.operation.name]
    if op.operation.name == ACCUMULATE:
        return rule
    held, scaled = "accumulated" in op.attributes, op.scale is not None
    guarded = "guarded" in op.attributes

    def prepare(b: Builder, op: Any, current: Current) -> Prepared:
        prepared = rule.prepare(b, op, current)
        parts = [*prepared.parts, *([Spread(op.scale)] if scaled else [])]
        assigned = prepared.assigned
        if guarded:
            assigned = {n: _guarded(b, op, v, current(n)) for n, v in assigned.items()}
        return replace(prepared, parts=parts, assigned=assigned)

    def formula(
        a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
    ) -> list[Value]:
        own = len(states) - held
        scale, parts = (parts[-1], parts[:-1]) if scaled else (None, parts)
        gradient = treated(a, op, states[own] if held else gradient, scale)
        new = rule.formula(a, op, gradient, parts, states[:own])
        if guarded and scale is not None:
            new = [a.where_positive(scale, n, o) for n, o in zip(new, states[:own], strict=True)]
        return [*new, *([a.constant(0.0)] if held else [])]

    states = (*rule.states, *(("accumulated",) if held else ()))
    return UpdateRule(states, prepare, formula, reads_gradient=not held)


def _guarded(b: Builder, op: Any, new: Value, old: Value) -> Value:
    """`new` where the op's scale is positive, else `old`."""
    tensors = Tensors(b, type_of(new))
    return tensors.where_positive(tensors.spread(Spread(op.scale)), new, old)


# ---- the rules -------------------------------------------------------------------------------


def _rate(b: Builder, op: Any, current: Current) -> Prepared:
    return Prepared([Spread(op.learning_rate)])


def _sgd(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    (learning_rate,), (weight,) = parts, states
    gradient = decayed(a, op, gradient, weight)
    return [a.subtract(weight, a.multiply(learning_rate, gradient))]


def _momentum(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    (learning_rate,), (weight, velocity) = parts, states
    momentum = a.constant(op.momentum.value)
    gradient = decayed(a, op, gradient, weight)
    velocity = a.add(a.multiply(velocity, momentum), gradient)
    direction = velocity
    if BoolAttr(op.nesterov).value:
        direction = a.add(gradient, a.multiply(velocity, momentum))
    return [a.subtract(weight, a.multiply(learning_rate, direction)), velocity]


def _adam_parts(b: Builder, op: Any, current: Current) -> Prepared:
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
    second_scale = b.divide(one, b.sqrt(left(op.beta2.value)))
    return Prepared([Spread(op.learning_rate), Spread(step_size), Spread(second_scale)])


def _moments(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    """Adam without weight decay."""
    _, step_size, second_scale = parts
    weight, first, second = states
    first = average(a, first, gradient, op.beta1.value)
    second = average(a, second, a.multiply(gradient, gradient), op.beta2.value)
    scale = a.add(a.multiply(a.sqrt(second), second_scale), a.constant(op.epsilon.value))
    step = a.multiply(step_size, a.divide(first, scale))
    return [a.subtract(weight, step), first, second]


def _adam(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    return _moments(a, op, decayed(a, op, gradient, states[0]), parts, states)


def _adamw(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    weight, *moments = states
    return _moments(a, op, gradient, parts, [shrunk(a, op, weight, parts[0]), *moments])


def _lion(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    (learning_rate,), (weight, moment) = parts, states
    direction = a.sign(average(a, moment, gradient, op.beta1.value))
    weight = shrunk(a, op, weight, learning_rate)
    new = a.subtract(weight, a.multiply(learning_rate, direction))
    return [new, average(a, moment, gradient, op.beta2.value)]


def _accumulate(
    a: Arithmetic, op: Any, gradient: Value, parts: Sequence[Value], states: Sequence[Value]
) -> list[Value]:
    return [a.add(states[0], gradient)]


ACCUMULATE = "pock.accumulate"
_MOMENTS = ("parameter", "first_moment", "second_moment")

UPDATE_RULES = {
    "pock.sgd": UpdateRule(("parameter",), _rate, _sgd),
    "pock.momentum": UpdateRule(("parameter", "velocity"), _rate, _momentum),
    "pock.adam": UpdateRule(_MOMENTS, _adam_parts, _adam),
    "pock.adamw": UpdateRule(_MOMENTS, _adam_parts, _adamw),
    "pock.lion": UpdateRule(("parameter", "first_moment"), _rate, _lion),
    "pock.adafactor": UpdateRule(("parameter",), adafactor.prepare, adafactor.formula),
    ACCUMULATE: UpdateRule(("parameter",), lambda b, op, current: Prepared([]), _accumulate),
}
"""By op. All but `pock.accumulate` train a parameter."""

OPTIMIZERS = tuple(name for name in UPDATE_RULES if name != ACCUMULATE)
