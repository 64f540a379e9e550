"""Which op has which derivative rule: one rule an op, in one place.

A rule gets the builder that it emits with, the forward op, and the cotangent of its result (a tuple
with None for what has none when the op has several results). It returns one entry per operand: its
cotangent, or None where none flows; an op whose regions capture values returns a mapping instead,
from any of the values that it reads to their cotangents. A rule neither accumulates nor asks which
parameters are trained; the pass does both, and sweeps away what a rule made in vain.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder

Cotangents = Sequence[Value | None]
Rule = Callable[[GradientBuilder, Any, Any], Cotangents | Mapping[Value, Value]]

# Every file with rules; a new family is a new line here.
FAMILIES = (
    "chlo",
    "complex",
    "contractions",
    "control_flow",
    "convolution",
    "elementwise",
    "fourier",
    "indexing",
    "linear_algebra",
    "loss",
    "normalization",
    "reductions",
    "scatter",
    "shape",
    "shorthand",
    "sorting",
    "special",
    "windows",
    "without",
)

_rules: dict[str, Rule] = {}
_without_gradient: set[str] = set()
_unsupported: dict[str, str] = {}


def gradient(*names: str) -> Callable[[Rule], Rule]:
    """Register the decorated function as the rule of the ops called `names`."""

    def register(rule: Rule) -> Rule:
        for name in names:
            _require_new(name)
            _rules[name] = rule
        return rule

    return register


def no_gradient(*names: str) -> None:
    """State that no gradient flows through these ops: piecewise constant or not of real numbers."""
    for name in names:
        _require_new(name)
        _without_gradient.add(name)


def unsupported(*names: str, reason: str) -> None:
    """State that a trained value must not reach these ops, and why: the error says so."""
    for name in names:
        _require_new(name)
        _unsupported[name] = reason


def _require_new(name: str) -> None:
    if is_accounted_for(name):
        raise ValueError(f"{name} has a rule already")


def is_accounted_for(name: str) -> bool:
    """Whether the op called `name` has a rule, has no gradient, or is stated to be unsupported."""
    return name in _rules or name in _without_gradient or name in _unsupported


@cache
def _load() -> None:
    for family in FAMILIES:
        importlib.import_module(f"pock_mlir.passes.gradients.{family}")


def rule_of(name: str) -> Rule | None:
    """The rule of the op called `name`, None if there is none."""
    _load()
    return _rules.get(name)


def stops_gradient(name: str) -> bool:
    """Whether `no_gradient` was stated of the op called `name`."""
    _load()
    return name in _without_gradient


def why_unsupported(name: str) -> str:
    """Why the op called `name` has no rule; empty when nothing was stated."""
    _load()
    return _unsupported.get(name, "")


def all_rules() -> dict[str, Rule]:
    """Every op that has a rule."""
    _load()
    return dict(_rules)


def all_accounted_for() -> set[str]:
    """Every op that has a rule, has no gradient, or is stated to be unsupported."""
    _load()
    return {*_rules, *_without_gradient, *_unsupported}
