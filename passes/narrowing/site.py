"""What a narrowing rule is, and what it builds with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import Block, DenseI64ArrayAttr, InsertionPoint, RankedTensorType, Value
from pock_mlir.rewriting import is_dead

# Slices of these are taken where they are used: their operand is state, which lives anyway.
STATE = ("pock.read",)


@dataclass
class Site:
    """The op that a slice is pushed through, and what was built on the way.

    Attributes:
        op: the op; once it was narrowed in a dimension, its narrowed form.
        taken: the slices taken of operands.
        steps: narrowed forms that were narrowed further.
    """

    op: Any
    taken: list[Any] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)

    def narrow(self, dimension: int, start: int, stop: int) -> Value | None:
        """The op's result[start:stop] in one dimension, if that can be had from slices."""
        rule = RULES.get(self.op.name)
        if self.op in self.taken:
            value = self.take(self.op.results[0], dimension, start, stop)
        else:
            value = rule(self, dimension, start, stop) if rule else None
        if value is not None:
            self.op = _maker(value)
            if self.op not in self.taken:
                self.steps.append(self.op)
        return value

    def finish(self) -> list[Any]:
        """Erase what only was a step to the last form; the slices that are left."""
        left: list[Any] = []
        for op in reversed([*self.taken, *self.steps]):
            if op != self.op and is_dead(op):
                op.erase()
            elif op in self.taken:
                left.append(op)
        return left

    @property
    def builder(self) -> Builder:
        """A builder before the op."""
        return Builder.before(self.op)

    def take(self, value: Value, dimension: int, start: int, stop: int) -> Value:
        """`value[start:stop]` in one dimension.

        It stands right after what makes `value`, so that the whole value need not be kept; slices
        of parameters and arguments stand where they are used.
        """
        low, high = [0] * len(shape_of(value)), shape_of(value)
        low[dimension], high[dimension] = start, stop
        if shape_of(value)[dimension] == stop - start:
            return value
        maker = _maker(value)
        if maker is not None and maker in self.taken:
            first = ints(maker, "start_indices")
            low = [a + b for a, b in zip(first, low, strict=True)]
            high = [a + b for a, b in zip(first, high, strict=True)]
            value = maker.operands[0]
        piece = self._builder_for(value).slice(value, low, high)
        self.taken.append(_maker(piece))
        return piece

    def _builder_for(self, value: Value) -> Builder:
        maker = _maker(value)
        if maker is None or maker.name in STATE:
            return self.builder
        return Builder(InsertionPoint.after(maker), maker.location)

    def rebuild(self, operands: list[Value], dimension: int, size: int, **attributes: Any) -> Value:
        """The op on other operands and with other attributes, `size` wide in a dimension."""
        clone = self.op.operation.clone(ip=InsertionPoint(self.op))
        for i, operand in enumerate(operands):
            clone.operands[i] = operand
        for name, attribute in attributes.items():
            clone.attributes[name] = attribute
        clone.results[0].set_type(resized(clone.results[0], dimension, size))
        return clone.results[0]


def _maker(value: Value) -> Any:
    """The operation whose result a value is; None for an argument."""
    return None if isinstance(value.owner, Block) else value.owner.operation


# (site, dimension, start, stop) -> the op's result[start:stop] in that dimension, computed from
# slices of its operands; None when that cannot be. Nothing is built in that case.
Rule = Callable[[Site, int, int, int], Value | None]
RULES: dict[str, Rule] = {}
# Ops whose narrowed form costs nothing, whatever else uses the op.
FREE = {"stablehlo.broadcast_in_dim", "stablehlo.constant", "stablehlo.iota"}


def narrows(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for the ops of these names."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


def resized(value: Value, dimension: int, size: int) -> RankedTensorType:
    """The type of `value` with another size in a dimension."""
    shape = shape_of(value)
    shape[dimension] = size
    return RankedTensorType.get(shape, type_of(value).element_type)


def ints(op: Any, name: str) -> list[int]:
    """The `array<i64>` attribute `name`."""
    return list(DenseI64ArrayAttr(op.attributes[name]))


def slice_bounds(op: Any) -> tuple[list[int], list[int]] | None:
    """Start and limit of a `stablehlo.slice` of unit strides, else None."""
    if op.operation.name != "stablehlo.slice" or any(n != 1 for n in ints(op, "strides")):
        return None
    return ints(op, "start_indices"), ints(op, "limit_indices")
