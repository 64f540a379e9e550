"""Rewrite patterns over StableHLO ops, which the bindings have no classes for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import (
    BlockArgument,
    Module,
    RewritePatternSet,
    Value,
    apply_patterns_and_fold_greedily,
)

# Given an op of one result and a builder in front of it: what replaces the result, or None.
Pattern = Callable[[Builder, Any], Value | None]


class Patterns:
    """A set of patterns, applied until none matches any more."""

    def __init__(self) -> None:
        self._patterns: dict[str, list[Pattern]] = {}

    def on(self, *names: str) -> Callable[[Pattern], Pattern]:
        """Register a pattern for the ops of these names."""

        def register(pattern: Pattern) -> Pattern:
            for name in names:
                self._patterns.setdefault(name, []).append(pattern)
            return pattern

        return register

    def apply(self, module: Module) -> None:
        """Rewrite `module` in place; dead and foldable ops go as well.

        A pattern must not change an op in place, and must make progress: what it returns is
        rewritten again.
        """
        with module.context:
            patterns = RewritePatternSet()
            for name, alternatives in self._patterns.items():
                patterns.add(name, _first_match(alternatives))
            apply_patterns_and_fold_greedily(module.operation, patterns.freeze())


def _first_match(alternatives: list[Pattern]) -> Callable[[Any, Any], bool]:
    def rewrite(op: Any, rewriter: Any) -> bool:
        builder = Builder(rewriter.ip, op.location)
        for pattern in alternatives:
            with op.location:  # attributes are checked at a location
                replacement = pattern(builder, op)
            if replacement is not None:
                rewriter.replace_op(op, [replacement])
                return False
        return True  # upstream's convention: true is "no match"

    return rewrite


def producer(value: Value, name: str) -> Any | None:
    """The op that makes `value`, when it is one of this name."""
    if isinstance(value, BlockArgument) or value.owner.name != name:
        return None
    return value.owner


def unreshaped(value: Value) -> Value:
    """What `value` is a reshape of, or itself."""
    while (reshape := producer(value, "stablehlo.reshape")) is not None:
        value = reshape.operands[0]
    return value
