"""`accumulate-gradients`: weights change every few batches, by the mean of their gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    ArrayAttr,
    BlockArgument,
    FlatSymbolRefAttr,
    FunctionType,
    InsertionPoint,
    Module,
    StringAttr,
    TypeAttr,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.optimizer_state import State, declare, name_of, state_shape, suffixes
from pock_mlir.rewriting import argument_of_role, body, functions, named_ops

STEP, ACCUMULATE_STEP = "train_step", "accumulate_step"


@dataclass(frozen=True)
class AccumulateGradients(ModulePass):
    """Add gradients up over `steps` batches: `@accumulate_step` for all of them but the last.

    Requires: updates stand in `@train_step`, without an optimizer yet; the argument with
    `pock.role = "learning_rate"` is used by nothing. Ensures: `@accumulate_step`, which takes what
    `@train_step` takes but for the learning rate, returns the loss of its batch and adds the
    gradients to buffers of kind "state", `<parameter>.gradient` (`.gradient.<k>` of several
    slices); what else a step assigns, it assigns too. `@train_step` adds those of its own batch,
    updates by the buffers divided by `steps`, and leaves zeros in them.

    A gradient is added where it is computed, in the kernel of its contraction, so what this takes
    is the buffers, one number for each that is trained; the update then is a kernel of its own.

        "pock.update"(%g) {parameter = @w, ...}
    becomes, in @accumulate_step and in @train_step,
        %total = "pock.accumulate"(%g) {parameter = @w.gradient}
    and in @train_step, behind it,
        "pock.update"(%total, %one_over_steps) {parameter = @w, accumulated = @w.gradient, ...}
    """

    name = "accumulate-gradients"
    steps: int = field(default=2, metadata={"help": "batches that an update is the mean of"})

    def run(self, module: Module) -> None:
        updates = list(named_ops(module, "pock.update"))
        step = self._check(module, updates)
        if step is None or self.steps == 1:
            return
        buffers = [
            State("accumulated", f"{update.parameter.value}.gradient{suffix}", state_shape(update))
            for update, suffix in zip(updates, suffixes(updates), strict=True)
        ]
        declare(module, [(u, [buffer]) for u, buffer in zip(updates, buffers, strict=True)])
        for update, buffer in zip(updates, buffers, strict=True):
            self._accumulate(update, buffer.name)
        _add_accumulate_step(step)

    def _check(self, module: Module, updates: list[Any]) -> Any | None:
        """The function with the updates, if there are any."""
        named = {name_of(function): function for function in functions(module)}
        problems = []
        if self.steps < 1:
            problems.append(
                (module.operation.location, f"steps must be positive, got {self.steps}")
            )
        if ACCUMULATE_STEP in named:
            problems.append((named[ACCUMULATE_STEP].location, "there is one of this name already"))
        for update in updates:
            if name_of(update.operation.parent) != STEP:
                problems.append((update.location, f"updates must stand in @{STEP}"))
            if update.scale is not None or "clip_value" in update.attributes:
                problems.append((update.location, "accumulate gradients before they are clipped"))
        if problems:
            raise PassError(problems)
        return updates[0].operation.parent if updates else None

    def _accumulate(self, update: Any, buffer: str) -> None:
        b, gradient = Builder.before(update), update.gradient
        symbol = FlatSymbolRefAttr.get(buffer)
        total = b.create("pock.accumulate", [gradient], [gradient.type], {"parameter": symbol})
        scale = b.scalar_like(gradient, 1 / self.steps)
        attributes = {name: update.attributes[name] for name in update.attributes}
        attributes["accumulated"] = symbol
        b.create("pock.update", [total.results[0], scale], [], attributes)
        update.operation.erase()


def _add_accumulate_step(step: Any) -> None:
    """A copy of the step that leaves the weights alone."""
    function = step.operation.clone(ip=InsertionPoint(step)).opview
    block = body(function)
    for op in [op for op in block.operations if op.operation.name == "pock.update"]:
        op.operation.erase()
    rate = argument_of_role(function, "learning_rate")
    if rate is None or list(rate.uses):
        message = 'needs an argument with pock.role = "learning_rate", used by nothing yet'
        raise PassError.at(step, f"@{STEP} {message}")
    number = BlockArgument(rate).arg_number
    block.erase_argument(number)
    type_ = FunctionType(TypeAttr(function.attributes["function_type"]).value)
    inputs = [each for i, each in enumerate(type_.inputs) if i != number]
    roles = [
        each for i, each in enumerate(ArrayAttr(function.attributes["arg_attrs"])) if i != number
    ]
    function.attributes["sym_name"] = StringAttr.get(ACCUMULATE_STEP)
    function.attributes["function_type"] = TypeAttr.get(FunctionType.get(inputs, type_.results))
    function.attributes["arg_attrs"] = ArrayAttr.get(roles)
