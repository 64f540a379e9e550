"""Where a gradient comes from, and how to compute it inside the kernel that consumes it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pock_mlir.backends.iree.contraction import contract
from pock_mlir.backends.iree.linalg import ScalarArithmetic, elementwise, generic, zeros
from pock_mlir.backends.iree.look_up import build_rows, takes_rows
from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    IntegerAttr,
    Operation,
    OpResult,
    Value,
)
from pock_mlir.passes.kernels.contraction import TILE, block_of
from pock_mlir.passes.update_rules import slice_of
from pock_mlir.rewriting import VIEWS, viewed


@dataclass(frozen=True)
class GradientSource:
    """A gradient, or a part of one, as a function of tensors that are materialised anyway.

    Attributes:
        operands: what the kernel reads.
        build: (builder inside the kernel, operands loaded there) -> the values.
            It builds None for a gradient that lies in the state already.
        shape: shape of what `build` returns: `sizes`, less some dimensions of extent 1.
        offsets: where the part begins in the gradient.
        sizes: the extent of the part in the gradient.
        panel: columns of a panel, where the last dimension of `shape` is one within a panel and
            the one before it the panels; 0 where there are none.
    """

    operands: list[Value]
    build: Callable[[Builder, Sequence[Value]], Value | None]
    shape: list[int]
    offsets: list[int]
    sizes: list[int]
    panel: int = 0

    @classmethod
    def of_value(cls, value: Value) -> GradientSource:
        """A tensor as it is."""
        shape = shape_of(value)
        return cls([value], lambda _, loaded: loaded[0], shape, [0] * len(shape), shape)

    @classmethod
    def of_state(cls, shape: list[int]) -> GradientSource:
        """A gradient that the kernel finds in its state."""
        return cls([], lambda _, loaded: None, shape, [0] * len(shape), shape)


def gradient_sources(
    update: Any, weight: Sequence[int], written: Container[Value]
) -> Iterator[GradientSource]:
    """The parts of the gradient of `update`, an optimizer op that changes the tensors `written`.

    `weight` is the shape of the whole parameter, of which the update may write a slice.

    Each is a contraction, reduction or mean of shards that nothing else uses, or a tensor. A
    gradient that is put together from one contraction per tap of a kernel has a part per tap, so
    that it need not be put together. What the caller builds for a part, it builds before `update`
    and before it asks for the next part; slices that only this part reads move there, so that one
    is alive at a time. No part is computed from what the update overwrites: IREE takes no care of
    that within a kernel.
    """
    for value, offsets, sizes in _parts(update.gradient):
        panels = _panels(update, weight, value, sizes)
        yield _source(update, value, panels, offsets, sizes, written)


def _parts(gradient: Value) -> Iterator[tuple[Value, list[int], list[int]]]:
    """What a gradient is put together from, where each part begins in it, and its extent."""
    taps = _taps(gradient)
    if taps is None:
        shape = shape_of(gradient)
        yield gradient, [0] * len(shape), shape
        return
    values, lead, rest = taps
    places = itertools.product(*(range(size) for size in lead))
    for place, value in zip(places, values, strict=True):
        yield value, [*place, *(0 for _ in rest)], [*(1 for _ in lead), *rest]


def _taps(gradient: Value) -> tuple[list[Value], list[int], list[int]] | None:
    """The values that are stacked to a gradient, its dimensions over the stack, and the others."""
    stack = _sole_definition(gradient)
    if stack is not None and stack.name == "stablehlo.reshape":
        stack = _sole_definition(stack.operands[0])
    if stack is None or stack.name != "stablehlo.concatenate":
        return None
    values = list(stack.operands)
    first = shape_of(values[0])
    lead = len(shape_of(gradient)) - len(first) + 1
    shape = shape_of(gradient)
    along = IntegerAttr(stack.attributes["dimension"]).value
    stacked = along == 0 and all(shape_of(value) == [1, *shape[lead:]] for value in values)
    return (values, shape[:lead], shape[lead:]) if stacked else None


def _source(
    update: Any,
    value: Value,
    panels: Value | None,
    offsets: list[int],
    sizes: list[int],
    written: Container[Value],
) -> GradientSource:
    b = Builder.before(update)
    root = panels or value
    while (op := _sole_definition(root)) is not None and op.name == "stablehlo.reshape":
        if without_units(op.operands[0]) != without_units(root):
            break
        root = op.operands[0]
    op = _sole_definition(root)
    if op is not None and any(viewed(operand) in written for operand in op.operands):
        op = None
    source = None if op is None else _fused(b, update, op, shape_of(root)[-1] if panels else 0)
    if source is None:
        if viewed(value) in written:
            value = b.add(value, b.zeros_like(value))  # a kernel of its own
        source = GradientSource.of_value(b.reshape(value, sizes))
    return replace(source, offsets=offsets, sizes=sizes)


def _fused(b: Builder, update: Any, op: Operation, panel: int) -> GradientSource | None:
    """What `op` computes, inside the kernel of `update`; None where it has one of its own."""
    if op.name == "stablehlo.dot_general" and not block_of(op):
        for operand in op.operands:
            _sink(operand, update.operation)
        return replace(_contraction(op), panel=panel)
    if op.name == "stablehlo.reduce" and _sums_leading(op):
        return _column_sums(b, op)
    if takes_rows(op):
        return _look_up(op)
    if op.name == "stablehlo.add" and (terms := _terms(op)):
        return _sum(terms)
    if shards := _shards(op):
        return _mean(op, shards)
    return None


def _panels(update: Any, weight: Sequence[int], gradient: Value, sizes: list[int]) -> Value | None:
    """The contraction [M, N / panel, panel] that makes a gradient [M, N], if it is like that.

    None where the weight has no such view: it is not all panels, or a slice begins within one.
    """
    value = gradient
    while (op := _sole_definition(value)) is not None and op.name == "stablehlo.reshape":
        value = op.operands[0]
    if op is None or op.name != "stablehlo.dot_general" or TILE not in op.attributes:
        return None
    shape = shape_of(value)
    matrix = [size for size in sizes[:-1] if size != 1]
    begin, _ = slice_of(update)
    aligned = begin[-1] % shape[-1] == 0 and weight[-1] % shape[-1] == 0
    fits = matrix == shape[:-2] and sizes[-1] == math.prod(shape[-2:])
    return value if fits and aligned else None


def _sink(value: Value, before: Operation) -> None:
    """Move the slices and reshapes that make `value` for a single use down to `before`."""
    chain: list[Operation] = []
    while (op := _sole_definition(value)) is not None and op.name in VIEWS:
        chain.append(op)
        value = op.operands[0]
    for op in reversed(chain):
        op.move_before(before)


def _sole_definition(value: Value) -> Operation | None:
    """The op that defines `value` for a single use."""
    if not isinstance(value, OpResult) or len(list(value.uses)) != 1:
        return None
    return value.owner if isinstance(value.owner, Operation) else value.owner.operation


def without_units(value: Value) -> list[int]:
    """The shape of `value`, less the dimensions of extent 1."""
    return [size for size in shape_of(value) if size != 1]


def _contraction(op: Operation) -> GradientSource:
    """A dot_general as fill, multiply, add."""

    def build(b: Builder, loaded: Sequence[Value]) -> Value:
        return contract(b, op, loaded)

    return GradientSource(list(op.operands), build, shape_of(op.results[0]), [], [])


def _look_up(op: Operation) -> GradientSource:
    """Rows of a matrix, taken inside the kernel."""
    shape = shape_of(op.results[0])
    return GradientSource(list(op.operands), partial(build_rows, shape=shape), shape, [], [])


def _terms(op: Operation) -> list[GradientSource]:
    """The parts of a sum, as a tied embedding has it; nothing where one is a tensor anyway."""
    terms: list[GradientSource] = []
    for operand in op.operands:
        term = _sole_definition(operand)
        if term is not None and term.name == "stablehlo.dot_general":
            terms.append(_contraction(term))
        elif term is not None and takes_rows(term):
            terms.append(_look_up(term))
    return terms if len(terms) == len(op.operands) else []


def _sum(terms: list[GradientSource]) -> GradientSource:
    """Gradients of one shape, added inside the kernel."""
    first, second = terms
    count, shape = len(first.operands), first.shape

    def add(a: ScalarArithmetic, inputs: list[Value], outputs: list[Value]) -> list[Value]:
        return [a.add(inputs[0], outputs[0])]

    def build(b: Builder, loaded: Sequence[Value]) -> Value:
        x = first.build(b, loaded[:count])
        y = second.build(b, loaded[count:])
        assert x is not None and y is not None, "a term is no state"
        return elementwise(b, [(x, range(len(shape)))], [y], add)[0]

    return GradientSource([*first.operands, *second.operands], build, shape, [], [])


def _shards(op: Operation) -> list[Value]:
    """The gradients of all shards that `op` is the mean of, as `shard-batch` writes it."""
    if op.name != "stablehlo.multiply" or splat_of(op.operands[1]) is None:
        return []
    terms: list[Value] = []
    total = op.operands[0]
    while (added := _sole_definition(total)) is not None and added.name == "stablehlo.add":
        total, term = added.operands
        terms.insert(0, term)
    terms.insert(0, total)
    called = [isinstance(v, OpResult) and v.owner.operation.name == "func.call" for v in terms]
    return terms if all(called) else []


def _mean(op: Operation, shards: list[Value]) -> GradientSource:
    """Gradients of all shards, added up and divided inside the kernel."""
    shape, factor = shape_of(op.results[0]), splat_of(op.operands[1])
    assert factor is not None, "what `_shards` finds has a factor"

    def scaled_sum(a: ScalarArithmetic, inputs: list[Value], outputs: list[Value]) -> list[Value]:
        total = outputs[0]
        for value in inputs:
            total = a.add(total, value)
        return [a.multiply(total, a.constant(float(factor)))]

    def build(b: Builder, loaded: Sequence[Value]) -> Value:
        first, *others = loaded
        rest = [(value, range(len(shape))) for value in others]
        return elementwise(b, rest, [first], scaled_sum)[0]

    return GradientSource(shards, build, shape, [], [])


def _sums_leading(op: Operation) -> bool:
    """Whether `op` adds up the leading dimensions of one tensor, and leaves one, or ones."""
    result = op.results[0]
    if len(op.operands) != 2 or not shape_of(result) or len(without_units(result)) > 1:
        return False
    combiner = op.regions[0].blocks[0].operations[0]
    dimensions = list(DenseI64ArrayAttr(op.attributes["dimensions"]))
    return combiner.operation.name == "stablehlo.add" and dimensions == list(range(len(dimensions)))


def _column_sums(b: Builder, op: Operation) -> GradientSource:
    """A sum over leading dimensions as the column sums of a matrix (IREE's fast case)."""
    rows = len(list(DenseI64ArrayAttr(op.attributes["dimensions"])))
    shape = shape_of(op.operands[0])
    result = op.results[0]
    columns = math.prod(shape[rows:])
    matrix = b.reshape(op.operands[0], [math.prod(shape[:rows]), columns])

    def add(a: ScalarArithmetic, inputs: list[Value], sums: list[Value]) -> list[Value]:
        return [a.add(sums[0], inputs[0])]

    def build(b: Builder, loaded: Sequence[Value]) -> Value:
        initial = zeros(b, [columns], type_of(result).element_type)
        return generic(b, loaded, [initial], [[1, 0], [0]], 2, [1], add)[0]

    return GradientSource([matrix], build, [columns], [], [])
