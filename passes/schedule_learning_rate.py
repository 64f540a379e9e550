"""`schedule-learning-rate`: the step computes by what its learning rate is multiplied."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import InsertionPoint, Module, Value
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.optimizer_state import count_updates
from pock_mlir.passes.update_rules import OPTIMIZERS
from pock_mlir.rewriting import argument_of_role, named_ops


@dataclass(frozen=True)
class ScheduleLearningRate(ModulePass):
    """Multiply the learning rate by a factor that is computed from the count of updates.

    Requires: updates have their optimizer (`apply-optimizer`). Ensures: whatever used the argument
    with `pock.role = "learning_rate"` uses its product with the factor; updates are counted in
    `@optimizer.step`, as Adam does, so the factor of a run that is resumed is the right one.

    The factors, with t updates done before and w = `warmup`: (t + 1) / w for t < w; then, with
    u = t - w, 1 (constant), decay^floor(u / every) (step), and from 1 to `final`, where t = steps,
    along half a cosine (cosine) or a line (linear). They are those of PyTorch's LinearLR, StepLR
    and CosineAnnealingLR.

        "pock.sgd"(%g, %learning_rate) {parameter = @w, ...}
    becomes
        %done = "pock.read"() {parameter = @optimizer.step} : () -> tensor<f32>
        ...
        %rate = stablehlo.multiply %learning_rate, %factor
        "pock.sgd"(%g, %rate) {parameter = @w, ...}
    """

    name = "schedule-learning-rate"
    kind: str = field(
        default="constant", metadata={"help": "constant, step, cosine or linear, after the warm-up"}
    )
    warmup: int = field(default=0, metadata={"help": "updates until the factor is 1"})
    every: int = field(default=0, metadata={"help": "step: updates between two decays"})
    decay: float = field(default=0.1, metadata={"help": "step: what the factor is multiplied by"})
    steps: int = field(
        default=0, metadata={"help": "cosine, linear: updates, the warm-up's too, to the end"}
    )
    final: float = field(default=0.0, metadata={"help": "cosine, linear: the factor at the end"})

    def run(self, module: Module) -> None:
        self._check_options(module)
        functions = {op.operation.parent for op in named_ops(module, *OPTIMIZERS)}
        pending = list(named_ops(module, "pock.update"))
        if pending:
            message = "'pock.update' has no optimizer: run apply-optimizer first"
            raise PassError([(op.location, message) for op in pending])
        for function in functions:
            self._schedule(module, function)

    def _check_options(self, module: Module) -> None:
        problems = []
        if self.kind not in _KINDS:
            problems.append(f"unknown kind '{self.kind}'; known: {', '.join(_KINDS)}")
        if self.warmup < 0:
            problems.append(f"warmup must not be negative, got {self.warmup}")
        if self.kind == "step" and self.every < 1:
            problems.append(f"every must be at least 1, got {self.every}")
        if self.kind == "step" and not 0 < self.decay <= 1:
            problems.append(f"decay must be in (0, 1], got {self.decay:g}")
        if self.kind in ("cosine", "linear") and self.steps <= self.warmup:
            problems.append(f"steps must be above warmup ({self.warmup}), got {self.steps}")
        if not 0 <= self.final < math.inf:
            problems.append(f"final must not be negative, got {self.final:g}")
        if problems:
            raise PassError([(module.operation.location, problem) for problem in problems])

    def _schedule(self, module: Module, function: Any) -> None:
        rate = argument_of_role(function, "learning_rate")
        if rate is None:
            message = 'the function has no argument with pock.role = "learning_rate"'
            raise PassError.at(function, message)
        users = [(use.owner.operation, use.operand_number) for use in rate.uses]
        this = count_updates(module, function)
        b = Builder(InsertionPoint.after(this.owner), function.location)
        scheduled = b.multiply(rate, b.convert(self._factor(b, this), rate.type.element_type))
        for op, number in users:
            op.operands[number] = scheduled

    def _factor(self, b: Builder, this: Value) -> Value:
        """The factor of update `this`, which counts from 1."""
        rise = b.full_like(this, max(1, self.warmup))
        rising = b.minimum(b.divide(this, rise), b.ones_like(this))
        after = b.subtract(this, b.full_like(this, 1 + self.warmup))
        after = b.maximum(after, b.zeros_like(this))
        return b.multiply(rising, _KINDS[self.kind](self, b, after))


def _constant(schedule: ScheduleLearningRate, b: Builder, after: Value) -> Value:
    return b.ones_like(after)


def _step(schedule: ScheduleLearningRate, b: Builder, after: Value) -> Value:
    # Halves keep the quotient away from the integers, where a division may be off by an ulp.
    middle = b.add(after, b.full_like(after, 0.5))
    quotient = b.divide(middle, b.full_like(after, schedule.every))
    decays = b.create("stablehlo.floor", [quotient], [quotient.type]).results[0]
    return b.exponential(b.multiply(decays, b.full_like(after, math.log(schedule.decay))))


def _progress(schedule: ScheduleLearningRate, b: Builder, after: Value) -> Value:
    whole = b.full_like(after, schedule.steps - schedule.warmup)
    return b.minimum(b.divide(after, whole), b.ones_like(after))


def _cosine(schedule: ScheduleLearningRate, b: Builder, after: Value) -> Value:
    angle = b.multiply(_progress(schedule, b, after), b.full_like(after, math.pi))
    share = b.full_like(after, (1 - schedule.final) / 2)
    risen = b.add(b.cosine(angle), b.ones_like(after))
    return b.add(b.multiply(risen, share), b.full_like(after, schedule.final))


def _linear(schedule: ScheduleLearningRate, b: Builder, after: Value) -> Value:
    slope = b.full_like(after, schedule.final - 1)
    return b.add(b.multiply(_progress(schedule, b, after), slope), b.ones_like(after))


_KINDS: dict[str, Callable[[ScheduleLearningRate, Builder, Value], Value]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
    "linear": _linear,
}
