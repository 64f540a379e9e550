"""Which op has which derivative rule: one rule an op, in one place.

A rule gets the builder that it emits with, the forward op, and the cotangent of its result (a tuple
with None for what has none when the op has several results). It returns one entry per operand: its
cotangent, or None where none flows. A rule neither accumulates nor asks which parameters are
trained; the pass does both, and sweeps away what a rule made in vain.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder

Cotangents = Sequence[Value | None]
Rule = Callable[[GradientBuilder, Any, Any], Cotangents]

# Every file with rules; a new family is a new line here.
FAMILIES = ("chlo", "contractions", "elementwise", "indexing", "loss", "reductions", "shape")

_rules: dict[str, Rule] = {}
_without_gradient: set[str] = set()


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


def _require_new(name: str) -> None:
    if name in _rules or name in _without_gradient:
        raise ValueError(f"{name} has a rule already")


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


def all_rules() -> dict[str, Rule]:
    """Every op that has a rule."""
    _load()
    return dict(_rules)
