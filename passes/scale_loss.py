"""`scale-loss`: the loss times a factor, so that gradients of f16 do not vanish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    F32Type,
    FlatSymbolRefAttr,
    InsertionPoint,
    IntegerType,
    Module,
    RankedTensorType,
    StringAttr,
    TypeAttr,
    UnitAttr,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.optimizer_state import require_free
from pock_mlir.rewriting import body, functions, parameters

EXPONENT, GOOD_STEPS = "loss_scale.exponent", "loss_scale.good_steps"
"""State, which begins as zeros: the factor is 2^(FIRST + exponent)."""
FIRST = 16
MARK = "pock.loss_scale"
"""The attribute of the multiplication by the factor, which `unscale-gradients` looks for."""


@dataclass(frozen=True)
class ScaleLoss(ModulePass):
    """Make `@train_step` return its loss times 2^(16 + e), e the state `@loss_scale.exponent`.

    Requires: a `@train_step` whose only result is the loss (`add-loss`), not differentiated yet.
    Ensures: every gradient that `differentiate` makes is that of the scaled loss, so that those of
    contractions, which f16 cannot hold below 6e-8, stay. `unscale-gradients` divides the gradients
    by the factor, returns the loss as it was, and changes the factor from step to step.

        return %loss
    becomes
        %e = "pock.read"() {parameter = @loss_scale.exponent}
        %scale = ...                                          // 2^(16 + e), exactly
        %scaled = stablehlo.multiply %loss, %scale {pock.loss_scale}
        return %scaled
    """

    name = "scale-loss"

    def run(self, module: Module) -> None:
        steps = [f for f in functions(module) if f.sym_name.value == "train_step"]
        if not steps:
            message = "scale-loss needs a @train_step; add-loss makes one"
            raise PassError.at(module.operation, message)
        require_free(module, [EXPONENT, GOOD_STEPS])
        declared = list(parameters(module).values())
        where = InsertionPoint.at_block_begin(module.body)
        point = InsertionPoint.after(declared[-1].operation) if declared else where
        with module.context, module.operation.location:
            scalar = RankedTensorType.get([], IntegerType.get_signless(32))
            for name in (EXPONENT, GOOD_STEPS):
                attributes = {
                    "sym_name": StringAttr.get(name),
                    "type": TypeAttr.get(scalar),
                    "kind": StringAttr.get("state"),
                }
                b = Builder(point, module.operation.location)
                b.create("pock.parameter", [], [], attributes)
            _scale(steps[0])


def _scale(step: Any) -> None:
    block = body(step)
    end = block.operations[len(block.operations) - 1]
    b = Builder(InsertionPoint(end), end.location)
    loss = end.operands[0]
    scale = b.convert(power_of_two(b, read_state(b, EXPONENT)), loss.type.element_type)
    marked = {MARK: UnitAttr.get()}
    end.operands[0] = b.create("stablehlo.multiply", [loss, scale], [loss.type], marked).results[0]


def read_state(b: Builder, name: str) -> Value:
    """An i32 of the state of loss scaling."""
    scalar = RankedTensorType.get([], IntegerType.get_signless(32))
    attributes = {"parameter": FlatSymbolRefAttr.get(name)}
    return b.create("pock.read", [], [scalar], attributes).results[0]


def power_of_two(b: Builder, exponent: Value, sign: int = 1) -> Value:
    """2^(sign * (FIRST + exponent)) as f32, exactly: the bits of its exponent."""
    total = b.add(exponent, b.full_like(exponent, FIRST))
    total = b.negate(total) if sign < 0 else total
    biased = b.add(total, b.full_like(total, 127))
    bits = b.create("stablehlo.shift_left", [biased, b.full_like(biased, 23)], [biased.type])
    type_ = RankedTensorType.get([], F32Type.get())
    return b.create("stablehlo.bitcast_convert", [bits.results[0]], [type_]).results[0]
