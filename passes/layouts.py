"""Values kept in a permuted layout, and how ops are rebuilt to work on them.

Each value may have a stored form: dimension `i` of it is dimension `permutation[i]` of the value.
Rules rebuild an op on stored forms; an op without a rule gets its operands transposed back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import ELEMENTWISE, Builder, i64, i64s, pairs, shape_of, type_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    IntegerAttr,
    RankedTensorType,
    Value,
)
from pock_mlir.passes.patterns import producer

Permutation = tuple[int, ...]
Rule = Callable[["Layouts", Builder, Any, Permutation], None]

RULES: dict[str, Rule] = {}


def inverse(permutation: Sequence[int]) -> Permutation:
    """The permutation that undoes `permutation`."""
    return tuple(int(i) for i in np.argsort(permutation))


def is_identity(permutation: Sequence[int]) -> bool:
    """Whether nothing moves."""
    return list(permutation) == list(range(len(permutation)))


class Layouts:
    """The stored forms of the values of one function, whose ops are visited in order."""

    def __init__(self) -> None:
        self._stored: dict[Value, tuple[Value, Permutation]] = {}
        self._made: dict[tuple[Value, Permutation], Value] = {}
        # Broadcasts of stored values: made when it is known in which layout they are wanted.
        self._broadcasts: set[Value] = set()

    def define(self, value: Value, stored: Value, permutation: Sequence[int]) -> None:
        """`stored` is `value` with its dimensions permuted, and stands for it from now on."""
        self._stored[value] = stored, tuple(permutation)

    def stored(self, value: Value) -> tuple[Value, Permutation]:
        """The stored form; a value without one is its own."""
        return self._stored.get(value) or (value, tuple(range(type_of(value).rank)))

    def get(self, b: Builder, value: Value, permutation: Sequence[int]) -> Value:
        """`value` with its dimensions permuted, by a transpose where nothing cheaper will do."""
        key = value, tuple(permutation)
        if key not in self._made:
            self._made[key] = self._make(b, value, key[1])
        return self._made[key]

    def plain(self, b: Builder, value: Value) -> Value:
        """`value` in its own layout."""
        return self.get(b, value, range(type_of(value).rank))

    def _make(self, b: Builder, value: Value, permutation: Permutation) -> Value:
        stored, current = self.stored(value)
        number, broadcast = splat_of(value), producer(value, "stablehlo.broadcast_in_dim")
        if current == permutation and value not in self._broadcasts:
            return stored
        if number is not None:
            return b.splat(number, _permuted_type(value, permutation))
        if broadcast is not None:
            return self._broadcast(b, broadcast, permutation)
        return _move(b, stored, [current.index(i) for i in permutation])

    def _broadcast(self, b: Builder, op: Any, permutation: Permutation) -> Value:
        """A broadcast can yield any layout, and take any."""
        operand, current = self.stored(op.operands[0])
        if op.operands[0] in self._broadcasts:
            operand = self.plain(b, operand)
        dimensions, place = ints(op, "broadcast_dimensions"), inverse(permutation)
        shape = shape_of(op.result)
        return b.broadcast_in_dim(
            operand, [shape[i] for i in permutation], [place[dimensions[i]] for i in current]
        )

    def rewrite(self, op: Any) -> None:
        """Rebuild `op` on the stored forms of its operands, or give it plain ones."""
        if not any(self._is_replaced(operand) for operand in op.operands):
            return
        if op.name == "stablehlo.broadcast_in_dim":
            self._broadcasts.add(op.result)
            return
        builder = Builder.before(op)
        with op.location:
            permuted = [self._stored[x][1] for x in op.operands if x in self._stored]
            permuted.sort(key=is_identity)
            if op.name in RULES and len(op.results) == 1 and permuted:
                RULES[op.name](self, builder, op, permuted[0])
            if len(op.results) != 1 or op.result not in self._stored:
                for i, operand in enumerate(op.operands):
                    if self._is_replaced(operand):
                        op.operands[i] = self.plain(builder, operand)

    def _is_replaced(self, value: Value) -> bool:
        return value in self._stored or value in self._broadcasts


def _move(b: Builder, x: Value, permutation: list[int]) -> Value:
    """A transpose; a reshape where it only moves sizes of 1, except of a parameter, which can be
    stored transposed.
    """
    shape = shape_of(x)
    moved = [i for i in permutation if shape[i] != 1]
    if moved == sorted(moved) and not producer(x, "pock.read"):
        return b.reshape(x, [shape[i] for i in permutation])
    return b.transpose(x, permutation)


def ints(op: Any, name: str) -> list[int]:
    """The attribute `name` of a StableHLO op, an `array<i64>`."""
    return list(DenseI64ArrayAttr(op.attributes[name]))


def _permuted_type(value: Value, permutation: Permutation) -> RankedTensorType:
    shape = shape_of(value)
    return RankedTensorType.get([shape[i] for i in permutation], type_of(value).element_type)


def rebuild(
    b: Builder,
    op: Any,
    operands: Sequence[Value],
    permutation: Permutation,
    **changed: Any,
) -> Value:
    """`op` on other operands, with some attributes changed and the result's dimensions permuted."""
    copy = op.clone(ip=b.insertion_point)
    for i, operand in enumerate(operands):
        copy.operands[i] = operand
    for name, attribute in changed.items():
        copy.attributes[name] = attribute
    copy.result.set_type(_permuted_type(op.result, permutation))
    return copy.result


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register the rule of the StableHLO ops of these names."""

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[f"stablehlo.{name}"] = function
        return function

    return register


def elementwise(layouts: Layouts, b: Builder, op: Any, permutation: Permutation) -> None:
    """All operands in one layout; rank-0 operands have none."""
    if len(permutation) != type_of(op.result).rank:
        return
    operands = [
        layouts.get(b, x, permutation) if type_of(x).rank else layouts.plain(b, x)
        for x in op.operands
    ]
    layouts.define(op.result, rebuild(b, op, operands, permutation), permutation)


RULES.update(dict.fromkeys(ELEMENTWISE, elementwise))


@rule("reduce")
def reduce(layouts: Layouts, b: Builder, op: Any, _: Permutation) -> None:
    """The dimensions that remain keep their stored order."""
    if len(op.operands) != 2:
        return
    x, permutation = layouts.stored(op.operands[0])
    reduced = ints(op, "dimensions")
    remaining = sorted(set(permutation) - set(reduced))
    result = tuple(remaining.index(i) for i in permutation if i not in reduced)
    dimensions = sorted(permutation.index(i) for i in reduced)
    init = layouts.plain(b, op.operands[1])
    new = rebuild(b, op, [x, init], result, dimensions=i64s(dimensions))
    layouts.define(op.result, new, result)


_PER_DIMENSION = {
    "reduce_window": (
        "window_dimensions",
        "window_strides",
        "base_dilations",
        "window_dilations",
    ),
    "pad": ("edge_padding_low", "edge_padding_high", "interior_padding"),
    "slice": ("start_indices", "limit_indices", "strides"),
}


@rule(*_PER_DIMENSION)
def per_dimension(layouts: Layouts, b: Builder, op: Any, _: Permutation) -> None:
    """Attributes with an entry per dimension are permuted like the operand."""
    if len(op.operands) > 2:
        return
    x, permutation = layouts.stored(op.operands[0])
    changed: dict[str, Any] = {}
    for name in _PER_DIMENSION[op.name.removeprefix("stablehlo.")]:
        if name in op.attributes:
            values = ints(op, name)
            changed[name] = i64s([values[i] for i in permutation])
    if "padding" in op.attributes:
        padding = np.array(op.attributes["padding"]).reshape(-1, 2)[list(permutation)].tolist()
        changed["padding"] = pairs([low for low, _ in padding], [high for _, high in padding])
    others = [layouts.plain(b, y) for y in list(op.operands)[1:]]
    layouts.define(op.result, rebuild(b, op, [x, *others], permutation, **changed), permutation)


@rule("concatenate")
def concatenate(layouts: Layouts, b: Builder, op: Any, permutation: Permutation) -> None:
    """All operands in one layout."""
    operands = [layouts.get(b, x, permutation) for x in op.operands]
    dimension = permutation.index(IntegerAttr(op.attributes["dimension"]).value)
    new = rebuild(b, op, operands, permutation, dimension=i64(dimension))
    layouts.define(op.result, new, permutation)


@rule("reverse")
def reverse(layouts: Layouts, b: Builder, op: Any, permutation: Permutation) -> None:
    """The reversed dimensions are renamed."""
    x, _ = layouts.stored(op.operands[0])
    dimensions = sorted(permutation.index(i) for i in ints(op, "dimensions"))
    new = rebuild(b, op, [x], permutation, dimensions=i64s(dimensions))
    layouts.define(op.result, new, permutation)


@rule("transpose")
def transpose(layouts: Layouts, b: Builder, op: Any, _: Permutation) -> None:
    """Nothing moves: the result is the same stored value under other names."""
    x, permutation = layouts.stored(op.operands[0])
    place = inverse(ints(op, "permutation"))
    layouts.define(op.result, x, [place[i] for i in permutation])


@rule("reshape")
def reshape(layouts: Layouts, b: Builder, op: Any, _: Permutation) -> None:
    """Possible in the stored layout when dimensions that are merged lie side by side in it."""
    x, permutation = layouts.stored(op.operands[0])
    order = _reshaped_order(shape_of(op.operands[0]), shape_of(op.result), permutation)
    if order is None:
        return
    shape = shape_of(op.result)
    layouts.define(op.result, b.reshape(x, [shape[i] for i in order]), order)


def _reshaped_order(
    source: list[int], target: list[int], permutation: Permutation
) -> Permutation | None:
    """In which order the result's dimensions are stored, given the operand's; None if mixed up."""
    groups = shared_factors(source, target)
    stored = [i for i in permutation if source[i] != 1]
    order: list[int] = []
    while stored:
        merged, split = next(g for g in groups if stored[0] in g[0])
        if stored[: len(merged)] != merged:
            return None
        stored, order = stored[len(merged) :], order + split
    if order == sorted(order):
        return tuple(range(len(target)))
    return (*order, *(i for i, size in enumerate(target) if size == 1))


def shared_factors(source: list[int], target: list[int]) -> list[tuple[list[int], list[int]]]:
    """The finest split of both shapes, sizes of 1 left out, into groups of equal product."""
    left = [i for i, size in enumerate(source) if size != 1]
    right = [i for i, size in enumerate(target) if size != 1]
    groups: list[tuple[list[int], list[int]]] = []
    while left:
        a, b = [left.pop(0)], [right.pop(0)]
        while (m := _product(source, a)) != (n := _product(target, b)):
            (a if m < n else b).append((left if m < n else right).pop(0))
        groups.append((a, b))
    return groups


def _product(shape: list[int], dimensions: list[int]) -> int:
    return int(np.prod([shape[i] for i in dimensions], dtype=np.int64))
