"""Ops that are differentiated as what they are short for.

An expansion rewrites the forward op by ops that have rules; it takes the op's place, and those
rules give the gradient. That only happens to an op that a gradient flows through.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import OpView, RankedTensorType, Value
from pock_mlir.passes.base import PassError
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


# ---- regions -------------------------------------------------------------------------------


def apply_elementwise(b: Builder, op: Any, region: int, values: Sequence[Value]) -> list[Value]:
    """What a region of `op`, over scalars, yields at every place of the tensors `values`.

    Raises:
        PassError: naming the ops of the region that are not elementwise.
    """
    block = op.regions[region].blocks[0]
    shape = shape_of(values[0])
    *inner, end = block.operations
    _require_elementwise(op, inner)
    mapped: dict[Value, Value] = dict(zip(block.arguments, values, strict=True))

    def spread(value: Value) -> Value:
        return mapped[value] if value in mapped else b.broadcast_in_dim(value, shape, [])

    for scalar in inner:
        if scalar.name == "stablehlo.constant":
            copy = scalar.operation.clone(ip=b.insertion_point)
            mapped[scalar.results[0]] = b.broadcast_in_dim(copy.results[0], shape, [])
            continue
        types = [RankedTensorType.get(shape, type_of(r).element_type) for r in scalar.results]
        attributes = {name: scalar.attributes[name] for name in scalar.attributes}
        copy = b.create(
            scalar.name, [spread(value) for value in scalar.operands], types, attributes
        )
        mapped.update(zip(scalar.results, copy.results, strict=True))
    return [spread(value) for value in end.operands]


_NOT_ELEMENTWISE = {
    "stablehlo.broadcast_in_dim",
    "stablehlo.iota",
    "stablehlo.reshape",
    "stablehlo.rng",
    "stablehlo.transpose",
}


def _require_elementwise(op: Any, inner: Sequence[Any]) -> None:
    problems = []
    for scalar in inner:
        ranks = {type_of(value).rank for value in [*scalar.operands, *scalar.results]}
        if ranks != {0} or scalar.name in _NOT_ELEMENTWISE or len(scalar.regions):
            problems.append((scalar.location, f"{scalar.name} in the region of {op.name}"))
    if problems:
        raise PassError(
            [
                (where, f"{what} has no derivative rule: it is not elementwise")
                for where, what in problems
            ]
        )
