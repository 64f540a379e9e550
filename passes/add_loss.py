"""From a model to the loss of a batch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    ArrayAttr,
    DictAttr,
    F32Type,
    FloatType,
    FunctionType,
    InsertionPoint,
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
from pock_mlir.passes.losses import LOSSES, LossError, Options
from pock_mlir.rewriting import body, functions

CUSTOM = "custom"


@dataclass(frozen=True)
class AddLoss(ModulePass):
    """Make `@train_step`, which returns the loss of a batch, from `@forward`.

    Requires a `@forward` with one result, a tensor of floats, and no `@train_step`. Ensures a
    `@train_step` whose arguments have the attribute `pock.role`: the inputs of `@forward`
    ("input"), the targets ("target") and the learning rate ("learning_rate", which nothing reads
    yet). `@forward` is renamed to `@predict`, or erased where there is a `@predict` already (that
    of the evaluation mode).

    `cross-entropy` is PyTorch's, of labels i32 and an output of [batch, classes] or, with classes
    along `axis` 1, [batch, classes, ...]; `axis=-1` is for [batch, ..., classes]. `causal-lm` is
    the mean cross-entropy of the next token: the output is [batch, tokens, vocabulary], the targets
    are the token ids themselves, [batch, tokens]. `binary-cross-entropy` (of logits), `mse` and
    `l1` are means over all elements; their targets have the type of the output.

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

    With `custom` there is a `@loss(inputs, targets)` in the place of `@forward`, and a `@predict`,
    which says how many arguments are inputs. `@loss` becomes `@train_step`; a copy of it becomes
    `@evaluate`, unless there is one (that of the evaluation mode).
    """

    name: ClassVar[str] = "add-loss"
    kind: str = field(default="cross-entropy", metadata={"help": f"{', '.join(LOSSES)} or custom"})
    class_weights: str = field(
        default="", metadata={"help": "cross-entropy: a weight for each class, joined by '+'"}
    )
    label_smoothing: float = field(
        default=0.0, metadata={"help": "cross-entropy: share of a target spread over all classes"}
    )
    ignore_index: str = field(
        default="",
        metadata={"help": "targets that do not count; default: none, causal-lm: -100"},
    )
    axis: int = field(default=1, metadata={"help": "cross-entropy: the output's axis of classes"})
    pos_weight: str = field(
        default="",
        metadata={"help": "binary-cross-entropy: weight of positive targets, one or more"},
    )

    def run(self, module: Module) -> None:
        """Add `@train_step`; rename or erase `@forward`."""
        if self.kind not in LOSSES and self.kind != CUSTOM:
            known = ", ".join(LOSSES)
            message = f"unknown loss '{self.kind}'; it can be {known} or {CUSTOM}"
            raise PassError.at(module.operation, message)
        options = self._options(module)
        named = _named_functions(module)
        with module.context, Location.unknown():
            if self.kind == CUSTOM:
                _from_loss(module, named)
            else:
                _from_forward(module, named, self.kind, options)

    def _options(self, module: Module) -> Options:
        """The options, checked. Raises PassError with every problem."""
        problems: list[str] = []
        allowed = LOSSES[self.kind].options if self.kind in LOSSES else frozenset()
        for each in dataclasses.fields(self):
            given = each.name != "kind" and getattr(self, each.name) != each.default
            if given and each.name not in allowed:
                problems.append(f"{self.kind} has no option {each.name.replace('_', '-')}")
        if not 0 <= self.label_smoothing <= 1:
            problems.append(f"label-smoothing must be in [0, 1], got {self.label_smoothing:g}")
        options = Options(
            class_weights=_weights("class-weights", self.class_weights, problems),
            pos_weight=_weights("pos-weight", self.pos_weight, problems),
            label_smoothing=self.label_smoothing,
            ignore_index=_integer("ignore-index", self.ignore_index, problems),
            axis=self.axis,
        )
        if problems:
            raise PassError([(module.operation.location, problem) for problem in problems])
        return options


def _weights(name: str, text: str, problems: list[str]) -> tuple[float, ...]:
    """The numbers of a text such as "0.5+2"."""
    try:
        numbers = tuple(float(item) for item in text.split("+")) if text else ()
    except ValueError:
        problems.append(f"{name} must be numbers joined by '+', got '{text}'")
        return ()
    if not all(0 <= number < math.inf for number in numbers):
        problems.append(f"{name} must be finite and not negative, got '{text}'")
    return numbers


def _integer(name: str, text: str, problems: list[str]) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        problems.append(f"{name} must be an integer, got '{text}'")
        return None


def _named_functions(module: Module) -> dict[str, Any]:
    named = {function.attributes["sym_name"].value: function for function in functions(module)}
    if "train_step" in named:
        raise PassError.at(named["train_step"], "there is a @train_step already")
    return named


# ---- a loss of the registry ------------------------------------------------------------------


def _from_forward(module: Module, named: dict[str, Any], kind: str, options: Options) -> None:
    if "forward" not in named:
        raise PassError.at(module.operation, "add-loss needs a @forward")
    forward, loss = named["forward"], LOSSES[kind]
    try:
        target = loss.target_type(_output(forward, kind), options)
    except LossError as error:
        raise PassError.at(forward, str(error)) from error
    step = forward.operation.clone(ip=InsertionPoint(forward)).opview
    targets = body(step).add_argument(target, Location.name("targets"))
    end = _return(step)
    builder = Builder(InsertionPoint(end), Location.name("loss"))
    end.operands[0] = loss.build(builder, end.operands[0], targets, options)
    _make_step(step, inputs=len(body(step).arguments) - 1)
    if "predict" in named:
        forward.operation.erase()
    else:
        forward.attributes["sym_name"] = StringAttr.get("predict")


def _output(forward: Any, kind: str) -> Value:
    """The only result of `@forward`, a tensor of floats."""
    outputs = list(_return(forward).operands)
    if len(outputs) != 1:
        message = f"@forward must have one result for {kind}, not {len(outputs)}"
        raise PassError.at(forward, f"{message}; a loss of your own can take them all")
    if not _is_real(outputs[0].type):
        raise PassError.at(forward, f"@forward must return floats, got {outputs[0].type}")
    return outputs[0]


def _is_real(type_: Type) -> bool:
    if not isinstance(type_, RankedTensorType):
        return False
    return isinstance(RankedTensorType(type_).element_type, FloatType)


def _return(function: Any) -> OpView:
    operations = body(function).operations
    return operations[len(operations) - 1]


# ---- a loss of the user's --------------------------------------------------------------------


def _from_loss(module: Module, named: dict[str, Any]) -> None:
    problems = [
        f"add-loss{{kind=custom}} needs a @{n}" for n in ("loss", "predict") if n not in named
    ]
    if problems:
        raise PassError([(module.operation.location, problem) for problem in problems])
    loss, inputs = named["loss"], len(body(named["predict"]).arguments)
    _check_custom(loss, inputs)
    if "evaluate" not in named:
        copy = loss.operation.clone(ip=InsertionPoint.after(loss)).opview
        copy.attributes["sym_name"] = StringAttr.get("evaluate")
    _make_step(loss, inputs)


def _check_custom(loss: Any, inputs: int) -> None:
    results = [value.type for value in _return(loss).operands]
    scalar = len(results) == 1 and _is_real(results[0]) and not RankedTensorType(results[0]).rank
    problems: list[str] = []
    if not scalar:
        got = ", ".join(map(str, results)) or "nothing"
        problems.append(f"the loss must be one scalar of floats, got {got}")
    if len(body(loss).arguments) <= inputs:
        problems.append(f"@loss must have targets behind the {inputs} inputs of @predict")
    if problems:
        raise PassError([(loss.location, problem) for problem in problems])


# ---- the step --------------------------------------------------------------------------------


def _make_step(step: Any, inputs: int) -> None:
    """Make `@train_step` of a function of inputs and targets that returns the loss."""
    block = body(step)
    targets = len(block.arguments) - inputs
    rate = RankedTensorType.get([], F32Type.get())
    block.add_argument(rate, Location.name("learning_rate"))
    types = [argument.type for argument in block.arguments]
    signature = FunctionType.get(types, [value.type for value in _return(step).operands])
    step.attributes["sym_name"] = StringAttr.get("train_step")
    step.attributes["function_type"] = TypeAttr.get(signature)
    roles = ["input"] * inputs + ["target"] * targets + ["learning_rate"]
    step.attributes["arg_attrs"] = _with_roles(step, roles)
    if "res_attrs" in step.attributes:
        del step.attributes["res_attrs"]


def _with_roles(step: Any, roles: Sequence[str]) -> ArrayAttr:
    """The argument attributes that there are, and the roles."""
    entries: list[dict[str, Any]] = [{} for _ in roles]
    if "arg_attrs" in step.attributes:
        for entry, old in zip(entries, ArrayAttr(step.attributes["arg_attrs"]), strict=False):
            entry.update({named.name: named.attr for named in DictAttr(old)})
    for entry, role in zip(entries, roles, strict=True):
        entry["pock.role"] = StringAttr.get(role)
    return ArrayAttr.get([DictAttr.get(entry) for entry in entries])
