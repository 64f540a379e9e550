"""From a model to the loss of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    ArrayAttr,
    DictAttr,
    F32Type,
    FunctionType,
    InsertionPoint,
    IntegerType,
    Location,
    Module,
    OpView,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.rewriting import body, functions


@dataclass(frozen=True)
class AddLoss(ModulePass):
    """Make `@train_step`, which returns the loss of a batch, from `@forward`.

    Requires a `@forward` with one result, a tensor of floats, and no `@train_step`. Ensures a
    `@train_step` whose arguments have the attribute `pock.role`: the inputs of `@forward`
    ("input"), the targets ("target") and the learning rate ("learning_rate", which nothing reads
    yet). `@forward` is renamed to `@predict`, or erased where there is a `@predict` already (that
    of the evaluation mode).

    `cross-entropy` is the mean over the batch of -log softmax(output)[target]; the output must be
    [batch, classes], the targets are i32. `mse` is the mean over all elements of
    (output - target)^2; the targets have the type of the output.

        func.func @forward(%x: tensor<8x4xf32>) -> tensor<8x3xf32> {
          ...
          return %y
        }

    becomes `@predict`, and

        func.func @train_step(%x: tensor<8x4xf32> {pock.role = "input"},
                              %target: tensor<8xi32> {pock.role = "target"},
                              %learning_rate: tensor<f32> {pock.role = "learning_rate"}
                             ) -> tensor<f32> {
          ...
          %loss = "pock.softmax_cross_entropy"(%y, %target)
          return %loss
        }
    """

    name: ClassVar[str] = "add-loss"
    kind: str = field(default="cross-entropy", metadata={"help": "cross-entropy or mse"})

    def run(self, module: Module) -> None:
        """Add `@train_step`; rename or erase `@forward`."""
        if self.kind not in _LOSSES:
            known = " or ".join(_LOSSES)
            raise PassError.at(module.operation, f"unknown loss '{self.kind}'; it can be {known}")
        with module.context, Location.unknown():
            forward, predict = _model_functions(module)
            loss = _LOSSES[self.kind]
            target = loss.target_type(forward, _output(forward))
            step = forward.operation.clone(ip=InsertionPoint(forward)).opview
            _make_step(step, target, loss.build)
            if predict is not None:
                forward.operation.erase()
            else:
                forward.attributes["sym_name"] = StringAttr.get("predict")


def _model_functions(module: Module) -> tuple[Any, Any]:
    """`@forward`, and `@predict` or None."""
    named = {function.attributes["sym_name"].value: function for function in functions(module)}
    if "train_step" in named:
        raise PassError.at(named["train_step"], "there is a @train_step already")
    if "forward" not in named:
        raise PassError.at(module.operation, "add-loss needs a @forward")
    return named["forward"], named.get("predict")


def _output(forward: Any) -> Value:
    """The only result of `@forward`, a tensor of floats."""
    outputs = list(_return(forward).operands)
    if len(outputs) != 1:
        raise PassError.at(forward, f"@forward must have one result, not {len(outputs)}")
    if not _is_real(outputs[0].type):
        raise PassError.at(forward, f"@forward must return floats, got {outputs[0].type}")
    return outputs[0]


def _is_real(type_: Type) -> bool:
    if not isinstance(type_, RankedTensorType):
        return False
    return not isinstance(RankedTensorType(type_).element_type, IntegerType)


def _return(function: Any) -> OpView:
    operations = body(function).operations
    return operations[len(operations) - 1]


def _make_step(step: Any, target: Type, build: Callable[[Builder, Value, Value], Value]) -> None:
    """Turn a copy of `@forward` into `@train_step`."""
    block, end = body(step), _return(step)
    inputs = [argument.type for argument in block.arguments]
    rate = RankedTensorType.get([], F32Type.get())
    targets = block.add_argument(target, Location.name("targets"))
    block.add_argument(rate, Location.name("learning_rate"))
    output = end.operands[0]
    loss = build(Builder(InsertionPoint(end), Location.name("loss")), output, targets)
    end.operands[0] = loss
    signature = FunctionType.get([*inputs, target, rate], [loss.type])
    step.attributes["sym_name"] = StringAttr.get("train_step")
    step.attributes["function_type"] = TypeAttr.get(signature)
    roles = ["input"] * len(inputs) + ["target", "learning_rate"]
    step.attributes["arg_attrs"] = _with_roles(step, roles)
    if "res_attrs" in step.attributes:
        del step.attributes["res_attrs"]


def _with_roles(step: Any, roles: list[str]) -> ArrayAttr:
    """The argument attributes that there are, and the roles."""
    entries: list[dict[str, Any]] = [{} for _ in roles]
    if "arg_attrs" in step.attributes:
        for entry, old in zip(entries, ArrayAttr(step.attributes["arg_attrs"]), strict=False):
            entry.update({named.name: named.attr for named in DictAttr(old)})
    for entry, role in zip(entries, roles, strict=True):
        entry["pock.role"] = StringAttr.get(role)
    return ArrayAttr.get([DictAttr.get(entry) for entry in entries])


# ---- the losses ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Loss:
    """A loss: the type of its targets, given the model's output, and how to compute it."""

    target_type: Callable[[Any, Value], Type]
    build: Callable[[Builder, Value, Value], Value]


def _class_labels(forward: Any, output: Value) -> Type:
    shape = shape_of(output)
    if len(shape) != 2:
        message = f"cross-entropy needs an output of [batch, classes], got {output.type}"
        raise PassError.at(forward, message)
    return RankedTensorType.get(shape[:1], IntegerType.get_signless(32))


def _cross_entropy(b: Builder, output: Value, labels: Value) -> Value:
    scalar = RankedTensorType.get([], type_of(output).element_type)
    return b.create("pock.softmax_cross_entropy", [output, labels], [scalar]).results[0]


def _mean_squared_error(b: Builder, output: Value, targets: Value) -> Value:
    difference = b.subtract(output, targets)
    shape = shape_of(output)
    total = b.reduce_add(b.multiply(difference, difference), list(range(len(shape))))
    return b.divide(total, b.scalar_like(output, math.prod(shape)))


_LOSSES = {
    "cross-entropy": _Loss(_class_labels, _cross_entropy),
    "mse": _Loss(lambda forward, output: output.type, _mean_squared_error),
}
