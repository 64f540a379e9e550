"""`clip-gradients`: bound gradients one by one, or the norm of all of them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, type_of
from pock_mlir.ir import (
    F32Type,
    F64Type,
    FloatAttr,
    InsertionPoint,
    Module,
    OpResult,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.liveness import BARRIER, byte_size
from pock_mlir.passes.update_arithmetic import sum_of_squares
from pock_mlir.passes.update_rules import OPTIMIZERS
from pock_mlir.rewriting import named_ops

_TINY = 1e-6
"""What PyTorch adds to the norm that it divides by."""


@dataclass(frozen=True)
class ClipGradients(ModulePass):
    """Say of every update how its gradient is bounded: by `value`, or by `norm`.

    Requires: no optimizer yet (run it before `apply-optimizer`, and after
    `accumulate-gradients`). Ensures: with `value`, each element of a gradient is cut to
    [-value, value] by the kernel that updates (PyTorch's `clip_grad_value_`), at no cost. With
    `norm`, gradients are scaled by min(1, norm / (n + 1e-6)), n the 2-norm of all that the function
    trains, slices included (PyTorch's `clip_grad_norm_`).

    The norm is known when the last gradient is, so no weight is updated before; updates are in
    place all the same. What that costs is a choice, `gradients`:

    - `held`: each gradient stays in memory until then: the bytes of everything that is trained,
      less what activations that are gone by then leave free.
    - `twice`: a gradient that one contraction makes, and whose operands are not larger than it, is
      computed for the norm, dropped, and computed again in the kernel of its update; its operands
      stay in memory instead. The others are held.

    Gradients that were accumulated lie in their buffers and cost nothing more.

        "pock.update"(%g) {parameter = @w, ...}
    becomes, with norm=1
        %columns = stablehlo.dot_general %g, %g, batching_dims = [1] x [1], contracting_dims = ...
        %sum = stablehlo.reduce %columns ...                 // and so on for the other updates
        %scale = stablehlo.minimum %one, %limit_over_norm
        "pock.update"(%g, %scale) {parameter = @w, ...}
    """

    name = "clip-gradients"
    value: float = field(default=0.0, metadata={"help": "bound of each element; 0 is none"})
    norm: float = field(default=0.0, metadata={"help": "bound of the norm of all; 0 is none"})
    gradients: str = field(default="held", metadata={"help": "with norm: held or twice"})

    def run(self, module: Module) -> None:
        self._check_options(module)
        by_function: dict[Any, list[Any]] = defaultdict(list)
        for update in named_ops(module, "pock.update"):
            by_function[update.operation.parent].append(update)
        for updates in by_function.values():
            if self.value:
                for update in updates:
                    update.attributes["clip_value"] = FloatAttr.get(F64Type.get(), self.value)
            if self.norm:
                _clip_norm(updates, self.norm, twice=self.gradients == "twice")

    def _check_options(self, module: Module) -> None:
        problems = [
            f"{name} must be positive and finite, or 0, got {getattr(self, name):g}"
            for name in ("value", "norm")
            if not 0 <= getattr(self, name) < math.inf
        ]
        if self.value and self.norm:
            problems.append("value and norm exclude each other")
        if self.gradients not in ("held", "twice"):
            problems.append(f"gradients must be held or twice, got '{self.gradients}'")
        late = [
            (op.location, f"'{op.operation.name}' has its optimizer: clip before apply-optimizer")
            for op in named_ops(module, *OPTIMIZERS)
        ]
        place = module.operation.location
        if late or problems:
            raise PassError([*((place, problem) for problem in problems), *late])


def _clip_norm(updates: list[Any], limit: float, *, twice: bool) -> None:
    """Scale the gradients of the updates, which come to stand where the last of them stood."""
    total: Value | None = None
    for update in updates:
        squares = _squares(Builder.before(update), update)
        total = squares if total is None else Builder.before(update).add(squares, total)
    assert total is not None
    b = Builder.before(updates[-1])
    norm = b.add(b.sqrt(total), b.full_like(total, _TINY))
    scale = b.minimum(b.divide(b.full_like(total, limit), norm), b.ones_like(total))
    for update in updates:
        if update is not updates[-1]:
            update.operation.move_before(updates[-1].operation)
        _rescale(update, scale, twice=twice)


def _squares(b: Builder, update: Any) -> Value:
    """The sum of the squares of an update's gradient, in f32 at least."""
    gradient = update.gradient
    wide = isinstance(type_of(gradient).element_type, F64Type)
    squares = sum_of_squares(b, gradient if wide else b.convert(gradient, F32Type.get()))
    if update.scale is None:
        return squares
    scale = b.convert(update.scale, type_of(squares).element_type)
    return b.multiply(squares, b.multiply(scale, scale))


def _rescale(update: Any, scale: Value, *, twice: bool) -> None:
    """Put an update with one more factor for its gradient in the place of `update`."""
    b = Builder.before(update)
    if update.scale is not None:
        scale = b.multiply(b.convert(update.scale, type_of(scale).element_type), scale)
    gradient = (_again(update) if twice else None) or update.gradient
    scale = b.convert(scale, type_of(gradient).element_type)
    attributes = {name: update.attributes[name] for name in update.attributes}
    b.create("pock.update", [gradient, scale], [], attributes)
    update.operation.erase()


# ---- computing a gradient twice ------------------------------------------------------------------

_VIEWS = {"stablehlo.reshape", "stablehlo.transpose"}
_CONTRACTIONS = {"stablehlo.dot_general", "pock.conv_kernel_gradient"}


def _again(update: Any) -> Value | None:
    """The gradient, computed a second time before the update, where that saves memory.

    The barriers keep CSE from making one of the two; the backend takes them away.
    """
    views: list[Any] = []
    op = _definition(update.gradient)
    while op is not None and op.name in _VIEWS:
        views.append(op)
        op = _definition(op.operands[0])
    if op is None or op.name not in _CONTRACTIONS:
        return None
    if sum(map(byte_size, op.operands)) > byte_size(op.results[0]):
        return None
    b, place = Builder.before(update), InsertionPoint(update)
    again = op.clone(ip=place)
    for i, operand in enumerate(op.operands):
        barrier = Builder.before(again).create(BARRIER, [operand], [operand.type])
        again.operands[i] = barrier.results[0]
    value = again.results[0]
    for view in reversed(views):
        value = b.create(view.name, [value], [view.results[0].type], _attributes(view)).results[0]
    return value


def _attributes(op: Any) -> dict[str, Any]:
    return {name: op.attributes[name] for name in op.attributes}


def _definition(value: Value) -> Any | None:
    return value.owner.operation if isinstance(value, OpResult) else None
