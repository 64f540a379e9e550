"""`unscale-gradients`: dynamic loss scaling, what follows the backward."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import F32Type, FlatSymbolRefAttr, InsertionPoint, Module, UnitAttr, Value
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.scale_loss import (
    EXPONENT,
    GOOD_STEPS,
    MARK,
    power_of_two,
    read_state,
)
from pock_mlir.passes.update_arithmetic import sum_of_squares
from pock_mlir.rewriting import body, functions, named_ops

_LARGEST = 100
"""Bound of the exponent's distance from its first value."""


@dataclass(frozen=True)
class UnscaleGradients(ModulePass):
    """Divide gradients by the factor of `scale-loss`, and skip the step where one is not finite.

    Requires: `scale-loss`, `differentiate`, and no optimizer yet. Ensures: `@train_step` returns
    the loss itself; each update has the operand `scale`, which is one over the factor, or 0 where
    some gradient of the step is not finite, and the attribute `guarded`: with a scale of 0 it
    leaves the weight and the optimizer's state as they are, and counts no step. Such a step halves
    the factor; `interval` steps without one double it (PyTorch's GradScaler).

    Whether to skip is known when the last gradient is: every gradient is in memory until then, or
    in its buffer, where `accumulate-gradients` ran before.

        "pock.update"(%g) {parameter = @w, ...}
        return %scaled
    becomes
        %finite = ...                                    // of the sum of all squares
        %scale = stablehlo.select %finite, %inverse, %zero
        "pock.update"(%g, %scale) {parameter = @w, guarded, ...}
        return %loss
    """

    name = "unscale-gradients"
    interval: int = field(
        default=2000, metadata={"help": "steps without an overflow after which the factor doubles"}
    )

    def run(self, module: Module) -> None:
        if self.interval < 1:
            raise PassError.at(module.operation, f"interval must be positive, got {self.interval}")
        updates = list(named_ops(module, "pock.update"))
        if not updates:
            return
        step = updates[0].operation.parent
        _check(module, step, updates)
        finite = _finite(updates)
        b = Builder.before(updates[-1])
        inverse = power_of_two(b, read_state(b, EXPONENT), -1)
        scale = b.select(finite, inverse, b.zeros_like(inverse))
        for update in updates:
            if update is not updates[-1]:
                update.operation.move_before(updates[-1].operation)
            attributes = {name: update.attributes[name] for name in update.attributes}
            attributes["guarded"] = UnitAttr.get(step.context)
            b = Builder.before(update)
            own = scale if update.scale is None else b.multiply(scale, update.scale)
            b.create("pock.update", [update.gradient, own], [], attributes)
            update.operation.erase()
        _adapt(step, finite, self.interval)


def _check(module: Module, step: Any, updates: list[Any]) -> None:
    """Put the loss back in the place of the scaled one, in the step and where it is copied."""
    problems = [
        (update.location, "unscale gradients before they are clipped")
        for update in updates
        if "clip_value" in update.attributes
        or (update.scale is not None and "accumulated" not in update.attributes)
    ]
    ends = [body(each).operations[len(body(each).operations) - 1] for each in functions(module)]
    scaled = [end for end in ends if len(end.operands) and _is_scaled(end.operands[0])]
    if step not in [end.operation.parent for end in scaled]:
        message = "the loss is not scaled: run scale-loss first"
        problems.append((list(body(step).operations)[-1].location, message))
    if problems:
        raise PassError(problems)
    for end in scaled:
        end.operands[0] = end.operands[0].owner.operands[0]


def _is_scaled(loss: Value) -> bool:
    return MARK in getattr(loss.owner, "attributes", {})


def _finite(updates: list[Any]) -> Value:
    """Whether the sum of the squares of all gradients is below infinity (NaN is not)."""
    total: Value | None = None
    for update in updates:
        b = Builder.before(update)
        squares = sum_of_squares(b, b.convert(update.gradient, F32Type.get(b.location.context)))
        total = squares if total is None else b.add(squares, total)
    assert total is not None
    b = Builder.before(updates[-1])
    return b.compare("LT", total, b.full_like(total, math.inf))


def _adapt(step: Any, finite: Value, interval: int) -> None:
    """The exponent and the count of good steps for the next step."""
    block = body(step)
    end = block.operations[len(block.operations) - 1]
    b = Builder(InsertionPoint(end), end.location)
    exponent, good = read_state(b, EXPONENT), read_state(b, GOOD_STEPS)
    one, zero = b.ones_like(good), b.zeros_like(good)
    more = b.add(good, one)
    grows = b.compare("EQ", more, b.full_like(more, interval))
    grown = b.select(grows, b.add(exponent, one), exponent)
    new = b.select(finite, grown, b.subtract(exponent, one))
    new = b.minimum(b.maximum(new, b.full_like(new, -_LARGEST)), b.full_like(new, _LARGEST))
    count = b.select(finite, b.select(grows, zero, more), zero)
    for name, value in ((EXPONENT, new), (GOOD_STEPS, count)):
        b.create("pock.assign", [value], [], {"parameter": FlatSymbolRefAttr.get(name)})
