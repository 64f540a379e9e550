"""`apply-optimizer`: every update becomes the update of a particular optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.dialects.stablehlo import Builder, i64s
from pock_mlir.ir import (
    BF16Type,
    BoolAttr,
    F64Type,
    FlatSymbolRefAttr,
    FloatAttr,
    FloatType,
    Module,
    Type,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.optimizer_state import (
    STEP,
    State,
    count_updates,
    declare,
    name_of,
    require_free,
    state_shape,
    suffixes,
    trainers,
)
from pock_mlir.passes.parameter_groups import GroupProblem, resolve_groups
from pock_mlir.rewriting import argument_of_role, named_ops, parameters


@dataclass(frozen=True)
class Kind:
    """An optimizer: its state (attribute and last part of the name), its options, `step`."""

    states: tuple[str, ...]
    options: tuple[str, ...]
    counts: bool = False


_MOMENTS = ("first_moment", "second_moment")
_ADAM = Kind(_MOMENTS, ("weight_decay", "beta1", "beta2", "epsilon"), counts=True)
_FACTORED = ("beta2_decay", "epsilon1", "epsilon2", "threshold")
KINDS = {
    "sgd": Kind((), ("weight_decay",)),
    "momentum": Kind(("velocity",), ("weight_decay", "momentum", "nesterov")),
    "adam": _ADAM,
    "adamw": _ADAM,
    "adafactor": Kind((), ("weight_decay", *_FACTORED), counts=True),
    "lion": Kind(("first_moment",), ("weight_decay", "beta1", "beta2")),
}
_FORWARDED = ("parameter", "offsets", "sizes", "clip_value", "accumulated", "guarded")
Settings = dict[str, float | bool]


@dataclass(frozen=True)
class ApplyOptimizer(ModulePass):
    """Turn each `pock.update` into the op of an optimizer: `pock.sgd`, `pock.momentum`, ...

    Requires: the function that updates has an argument with `pock.role = "learning_rate"`.
    Ensures: no `pock.update` is left; the state of the optimizer is declared as parameters of kind
    "state", of the shape of the trained slice and stored like the parameter, which start as zeros:
    `<parameter>.velocity`, `.first_moment`, `.second_moment`; of adafactor `.row_variance` and
    `.column_variance`, or `.variance` of a vector. Behind it comes `.<k>` for the k-th slice (from
    0) of a parameter that has several. What counts updates does so in `@optimizer.step`. What the
    update says of its gradient (`scale`, `clip_value`, `accumulated`) it says of the op's.

    `groups` gives parameters other options by the pattern of their name, and `lr-scale`, by which
    their learning rate is multiplied; the last pattern that matches holds:
    `groups='*.bias weight-decay=0; head.* lr-scale=10 weight-decay=0.1'`.

        "pock.update"(%g) {parameter = @w, offsets = 2, 0, sizes = 2, 16}
    becomes, with kind=momentum,
        "pock.parameter"() {sym_name = "w.velocity", kind = "state", type = tensor<2x16xf32>}
        "pock.momentum"(%g, %learning_rate) {parameter = @w, velocity = @w.velocity, ...}
    """

    name = "apply-optimizer"
    kind: str = field(default="sgd", metadata={"help": ", ".join(KINDS)})
    momentum: float = field(default=0.9, metadata={"help": "of kind=momentum, in [0, 1)"})
    nesterov: bool = field(default=False, metadata={"help": "Nesterov's form of kind=momentum"})
    weight_decay: float = field(
        default=0.0,
        metadata={
            "help": "added to the gradient; with adamw, lion and adafactor decoupled from it"
        },
    )
    beta1: float = field(
        default=0.9, metadata={"help": "adam, adamw, lion: weight of the average in a step"}
    )
    beta2: float = field(
        default=0.999, metadata={"help": "decay of adam's second moment, of lion's average"}
    )
    epsilon: float = field(default=1e-8, metadata={"help": "adam, adamw: added to the denominator"})
    beta2_decay: float = field(
        default=-0.8, metadata={"help": "adafactor: step^this is the weight of a new gradient"}
    )
    epsilon1: float = field(
        default=0.0,
        metadata={"help": "adafactor: least root of the variance; 0 is the type's precision"},
    )
    epsilon2: float = field(default=1e-3, metadata={"help": "adafactor: least rms of a weight"})
    threshold: float = field(default=1.0, metadata={"help": "adafactor: largest rms of an update"})
    groups: str = field(
        default="", metadata={"help": "other options by pattern: `PATTERN key=value ...; ...`"}
    )

    def run(self, module: Module) -> None:
        self._check_options(module)
        updates = list(named_ops(module, "pock.update"))
        if not updates:
            return
        rates = {name: _Rates(function) for name, function in trainers(updates).items()}
        settings = self._settings(module, updates)
        if KINDS[self.kind].counts:
            require_free(module, [STEP])
        states = [
            self._states(module, update, suffix)
            for update, suffix in zip(updates, suffixes(updates), strict=True)
        ]
        declare(module, zip(updates, states, strict=True))
        steps = {
            name: [count_updates(module, function)] if KINDS[self.kind].counts else []
            for name, function in trainers(updates).items()
        }
        for update, own, kept in zip(updates, settings, states, strict=True):
            trainer = name_of(update.operation.parent)
            rate = rates[trainer].scaled(own.pop("lr_scale"), update)
            self._replace(module, update, [rate, *steps[trainer]], own, kept)

    def _check_options(self, module: Module) -> None:
        problems = _problems_of({name: getattr(self, name) for name in _RULES})
        if self.kind not in KINDS:
            problems.insert(0, f"unknown kind '{self.kind}'; known: {', '.join(KINDS)}")
        if problems:
            raise PassError([(module.operation.location, problem) for problem in problems])

    def _settings(self, module: Module, updates: list[Any]) -> list[Settings]:
        """The options of each update, with its `lr_scale`."""
        own = KINDS[self.kind].options
        base: Settings = {name: getattr(self, name) for name in own} | {"lr_scale": 1.0}
        try:
            grouped = resolve_groups(module, self.groups, self.kind, tuple(base))
        except GroupProblem as error:
            place = module.operation.location
            raise PassError([(place, line) for line in str(error).splitlines()]) from error
        problems = [
            (module.operation.location, f"group '{group.match}': {problem}")
            for group in {group.match: group for group in grouped.values()}.values()
            for problem in _problems_of(group.values)
        ]
        if problems:
            raise PassError(problems)
        return [
            base | dict(grouped[name].values) if name in grouped else dict(base)
            for name in (update.parameter.value for update in updates)
        ]

    def _states(self, module: Module, update: Any, suffix: str) -> list[State]:
        name, shape = update.parameter.value, state_shape(update)
        kept = [State(each, f"{name}.{each}{suffix}", shape) for each in KINDS[self.kind].states]
        if self.kind != "adafactor":
            return kept
        factors = _factors(parameters(module)[name])
        if not factors:
            return [State("variance", f"{name}.variance{suffix}", shape)]
        rows, columns = factors
        return [
            State("row_variance", f"{name}.row_variance{suffix}", _flattened(shape, columns)),
            State("column_variance", f"{name}.column_variance{suffix}", _flattened(shape, rows)),
        ]

    def _replace(
        self, module: Module, update: Any, more: list[Value], own: Settings, states: list[State]
    ) -> None:
        attributes = {n: update.attributes[n] for n in _FORWARDED if n in update.attributes}
        if self.kind == "adafactor":
            own["epsilon1"] = own["epsilon1"] or _precision(update.gradient.type.element_type)
            if factors := _factors(parameters(module)[update.parameter.value]):
                attributes["factors"] = i64s(factors)
        for name, value in own.items():
            attributes[name] = BoolAttr.get(bool(value)) if name == "nesterov" else _f64(value)
        for state in states:
            attributes[state.attribute] = FlatSymbolRefAttr.get(state.name)
        scale = [] if update.scale is None else [update.scale]
        operands = [update.gradient, *more, *scale]
        Builder.before(update).create(f"pock.{self.kind}", operands, [], attributes)
        update.operation.erase()


# ---- options -----------------------------------------------------------------------------------


def _in_unit(value: float) -> bool:
    return 0 <= value < 1


def _positive(value: float) -> bool:
    return 0 < value < math.inf


def _not_negative(value: float) -> bool:
    return 0 <= value < math.inf


_RULES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "momentum": ("be in [0, 1)", _in_unit),
    "beta1": ("be in [0, 1)", _in_unit),
    "beta2": ("be in [0, 1)", _in_unit),
    "weight_decay": ("not be negative", _not_negative),
    "epsilon": ("be positive", _positive),
    "beta2_decay": ("not be above 0", lambda value: -math.inf < value <= 0),
    "epsilon1": ("not be negative", _not_negative),
    "epsilon2": ("be positive", _positive),
    "threshold": ("be positive", _positive),
}


def _problems_of(values: Any) -> list[str]:
    rules = {**_RULES, "lr_scale": ("not be negative", _not_negative)}
    return [
        f"{name.replace('_', '-')} must {rule}, got {values[name]:g}"
        for name, (rule, holds) in rules.items()
        if name in values and not holds(values[name])
    ]


# ---- operands and state ------------------------------------------------------------------------


class _Rates:
    """The learning rate of a function, and its multiples."""

    def __init__(self, function: Any) -> None:
        rate = argument_of_role(function, "learning_rate")
        if rate is None:
            message = f'@{name_of(function)} has no argument with pock.role = "learning_rate"'
            raise PassError.at(function, message)
        self._multiples: dict[float, Value] = {1.0: rate}

    def scaled(self, factor: float, first: Any) -> Value:
        """The learning rate times a factor, for the update `first` and those behind it."""
        if factor not in self._multiples:
            b, rate = Builder.before(first), self._multiples[1.0]
            self._multiples[factor] = b.multiply(rate, b.full_like(rate, factor))
        return self._multiples[factor]


def _factors(parameter: ParameterOp) -> list[int]:
    """Where the last two dimensions that the framework sees are stored; [] for a vector."""
    layout = parameter.layout
    return [layout.index(len(layout) - 2), layout.index(len(layout) - 1)] if layout[1:] else []


def _flattened(shape: list[int], dimension: int) -> list[int]:
    return [1 if i == dimension else size for i, size in enumerate(shape)]


def _precision(element: Type) -> float:
    """The distance from 1 to the next number of the type."""
    if isinstance(element, BF16Type):
        return 2.0**-7
    return float(np.finfo(f"float{FloatType(element).width}").eps)


def _f64(value: float) -> FloatAttr:
    return FloatAttr.get(F64Type.get(), value)
