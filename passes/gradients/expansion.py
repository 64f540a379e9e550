"""Ops that are differentiated as what they are short for.

An expansion rewrites the forward op by ops that have rules; it takes the op's place, and those
rules give the gradient. That only happens to an op that a gradient flows through.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import OpView, Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import all_rules, gradient
from pock_mlir.passes.gradients.reverse import Activity, ReverseWalk, Signed
from pock_mlir.passes.regions import reads

Expansion = Callable[[Builder, Any], Sequence[Value]]
_expansions: dict[str, Expansion] = {}


def expansion(*names: str) -> Callable[[Expansion], Expansion]:
    """Register the decorated function as what the ops called `names` are short for.

    It gets a builder that inserts before the op, and the op; it returns what takes the place of the
    op's results.
    """

    def register(expand: Expansion) -> Expansion:
        def rule(b: GradientBuilder, op: Any, dy: Any) -> Mapping[Value, Value]:
            return through(b, op, dy, expand)

        rule.__doc__, rule.__module__ = expand.__doc__, expand.__module__
        gradient(*names)(rule)
        _expansions.update(dict.fromkeys(names, expand))
        return expand

    return register


def all_expansions() -> dict[str, Expansion]:
    """Every op that was stated to be short for others."""
    all_rules()  # loads all families
    return dict(_expansions)


class _Deferring(GradientBuilder):
    """A builder for a walk within the walk of another one, which makes all replacements."""

    def __init__(self, outer: GradientBuilder) -> None:
        super().__init__(outer.insertion_point, outer.location, outer.active)
        self._outer = outer

    def replace_later(self, op: Any, values: Sequence[Value]) -> None:
        self._outer.replace_later(op, values)

    def finish(self) -> None:
        pass


def through(b: GradientBuilder, op: Any, dy: Any, expand: Expansion) -> Mapping[Value, Value]:
    """The cotangents of what `op` reads, by way of its expansion, which takes its place."""
    before = len(_ops_before(op))
    results = expand(Builder.before(op), op)
    ops = _ops_before(op)[before:]
    b.replace_later(op, results)
    walk = ReverseWalk(_Deferring(b), Activity(ops, results, b.active))
    for result, cotangent in zip(results, [dy] if len(results) == 1 else dy, strict=True):
        if cotangent is not None:
            walk.add(result, Signed.of(cotangent))
    walk.run()
    outside = {value: None for inner in ops for value in reads(inner) if value in b.active}
    outside |= {value: None for value in results if value in b.active}
    found = {value: walk.take(value) for value in outside}
    return {value: signed.emit(b) for value, signed in found.items() if signed is not None}


def _ops_before(op: Any) -> list[OpView]:
    """Those of the same block, in order."""
    return list(itertools.takewhile(lambda other: other != op, op.operation.block.operations))
