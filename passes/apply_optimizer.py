"""`apply-optimizer`: every update becomes the update of a particular optimizer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    BoolAttr,
    F32Type,
    F64Type,
    FlatSymbolRefAttr,
    FloatAttr,
    InsertionPoint,
    Location,
    Module,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.rewriting import argument_of_role, body, named_ops, parameters

# The state that an optimizer keeps for each trained slice: the op's attribute, which is also what
# the state's name ends in.
STATES = {"sgd": (), "momentum": ("velocity",), "adamw": ("first_moment", "second_moment")}
STEP = "optimizer.step"


@dataclass(frozen=True)
class ApplyOptimizer(ModulePass):
    """Turn each `pock.update` into a `pock.sgd`, `pock.momentum` or `pock.adamw`.

    Requires: the function that updates has an argument with `pock.role = "learning_rate"`.
    Ensures: no `pock.update` is left; the state of the optimizer is declared as parameters of kind
    "state", of the shape of the trained slice and stored like the parameter, which start as zeros:
    `<parameter>.velocity`, or `.first_moment` and `.second_moment`, with `.<k>` after it for the
    k-th slice (from 0) of a parameter that has several. AdamW counts steps in `@optimizer.step`.

        "pock.update"(%g) {parameter = @w, offsets = 2, 0, sizes = 2, 16}
    becomes, with kind=momentum,
        "pock.parameter"() {sym_name = "w.velocity", kind = "state", type = tensor<2x16xf32>}
        "pock.momentum"(%g, %learning_rate) {parameter = @w, velocity = @w.velocity, ...}
    """

    name = "apply-optimizer"
    kind: str = field(default="sgd", metadata={"help": "sgd, momentum or adamw"})
    momentum: float = field(default=0.9, metadata={"help": "of kind=momentum, in [0, 1)"})
    nesterov: bool = field(default=False, metadata={"help": "Nesterov's form of kind=momentum"})
    weight_decay: float = field(
        default=0.0, metadata={"help": "added to the gradient; with adamw, decoupled from it"}
    )
    beta1: float = field(default=0.9, metadata={"help": "adamw: decay of the first moment"})
    beta2: float = field(default=0.999, metadata={"help": "adamw: decay of the second moment"})
    epsilon: float = field(default=1e-8, metadata={"help": "adamw: added to the denominator"})

    def run(self, module: Module) -> None:
        self._check_options(module)
        updates = list(named_ops(module, "pock.update"))
        if not updates:
            return
        rates = {name: _learning_rate(function) for name, function in _trainers(updates).items()}
        names = self._state_names(updates)
        _declare(module, updates, names, counts=self.kind == "adamw")
        steps = {
            name: [_count_step(function)] if self.kind == "adamw" else []
            for name, function in _trainers(updates).items()
        }
        for update, states in zip(updates, names, strict=True):
            trainer = _name_of(update.operation.parent)
            self._replace(update, [update.gradient, rates[trainer], *steps[trainer]], states)

    def _check_options(self, module: Module) -> None:
        def in_unit(value: float) -> bool:
            return 0 <= value < 1

        def positive(value: float) -> bool:
            return value > 0 and math.isfinite(value)

        rules: list[tuple[str, str, Callable[[float], bool]]] = [
            ("momentum", "be in [0, 1)", in_unit),
            ("beta1", "be in [0, 1)", in_unit),
            ("beta2", "be in [0, 1)", in_unit),
            ("weight_decay", "not be negative", lambda value: 0 <= value < math.inf),
            ("epsilon", "be positive", positive),
        ]
        problems = [
            f"{name.replace('_', '-')} must {rule}, got {getattr(self, name):g}"
            for name, rule, holds in rules
            if not holds(getattr(self, name))
        ]
        if self.kind not in STATES:
            problems.insert(0, f"unknown kind '{self.kind}'; known: {', '.join(STATES)}")
        if problems:
            raise PassError([(module.operation.location, problem) for problem in problems])

    def _state_names(self, updates: list[Any]) -> list[list[str]]:
        """The names of the state of each update, in the order of STATES."""
        slices = Counter(update.parameter.value for update in updates)
        seen: Counter[str] = Counter()
        names: list[list[str]] = []
        for update in updates:
            parameter = update.parameter.value
            suffix = f".{seen[parameter]}" if slices[parameter] > 1 else ""
            seen[parameter] += 1
            names.append([f"{parameter}.{state}{suffix}" for state in STATES[self.kind]])
        return names

    def _replace(self, update: Any, operands: list[Value], states: list[str]) -> None:
        attributes: dict[str, Any] = {
            "parameter": update.parameter,
            "offsets": update.offsets,
            "sizes": update.sizes,
            "weight_decay": _f64(self.weight_decay),
        }
        for attribute, name in zip(STATES[self.kind], states, strict=True):
            attributes[attribute] = FlatSymbolRefAttr.get(name)
        if self.kind == "momentum":
            attributes["momentum"] = _f64(self.momentum)
            attributes["nesterov"] = BoolAttr.get(self.nesterov)
        if self.kind == "adamw":
            for option in ("beta1", "beta2", "epsilon"):
                attributes[option] = _f64(getattr(self, option))
        Builder.before(update).create(f"pock.{self.kind}", operands, [], attributes)
        update.operation.erase()


def _f64(value: float) -> FloatAttr:
    return FloatAttr.get(F64Type.get(), value)


def _name_of(function: Any) -> str:
    return StringAttr(function.attributes["sym_name"]).value


def _trainers(updates: list[Any]) -> dict[str, Any]:
    """The functions that update, by name."""
    return {_name_of(update.operation.parent): update.operation.parent for update in updates}


def _learning_rate(function: Any) -> Value:
    rate = argument_of_role(function, "learning_rate")
    if rate is None:
        message = f'@{_name_of(function)} has no argument with pock.role = "learning_rate"'
        raise PassError.at(function, message)
    return rate


def _declare(module: Module, updates: list[Any], names: list[list[str]], counts: bool) -> None:
    """Declare the state of each update, and the step counter if the optimizer counts."""
    declared = parameters(module)
    taken = {STEP} & set(declared) if counts else set[str]()
    taken |= {name for states in names for name in states} & set(declared)
    if taken:
        message = "the name of this parameter is wanted for the state of the optimizer"
        raise PassError([(declared[name].location, message) for name in sorted(taken)])
    point = InsertionPoint.after(list(declared.values())[-1].operation)
    for update, states in zip(updates, names, strict=True):
        like = declared[update.parameter.value]
        for name in states:
            _declare_state(point, name, update.gradient.type, like)
    if counts:
        _declare_state(point, STEP, RankedTensorType.get([], F32Type.get()))


def _declare_state(
    point: InsertionPoint, name: str, type_: Type, like: ParameterOp | None = None
) -> None:
    attributes: dict[str, Any] = {
        "sym_name": StringAttr.get(name),
        "type": TypeAttr.get(type_),
        "kind": StringAttr.get("state"),
    }
    if like is not None and "layout" in like.attributes:
        attributes["layout"] = like.attributes["layout"]
    location = like.location if like is not None else Location.unknown()
    Builder(point, location).create("pock.parameter", [], [], attributes)


def _count_step(function: Any) -> Value:
    """Add one to the step counter; the number of this step, from 1."""
    b = Builder(InsertionPoint.at_block_begin(body(function)), function.location)
    step = FlatSymbolRefAttr.get(STEP)
    scalar = RankedTensorType.get([], F32Type.get())
    done = b.create("pock.read", [], [scalar], {"parameter": step}).results[0]
    this = b.add(done, b.ones_like(done))
    b.create("pock.assign", [this], [], {"parameter": step})
    return this
