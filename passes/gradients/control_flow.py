"""Derivatives of control flow.

What enters a region is kept, what the region computes is computed again in the gradient's region. A
loop keeps what enters each of its trips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import Block, InsertionPoint, IntegerType, RankedTensorType, Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import gradient
from pock_mlir.passes.gradients.reverse import Activity, backpropagate
from pock_mlir.passes.loops import CountedLoop
from pock_mlir.passes.regions import captures, copy_body
from pock_mlir.rewriting import erase_dead_in


def _each(dys: Value | Sequence[Value | None] | None) -> list[Value | None]:
    return list(dys) if isinstance(dys, tuple) else [dys]  # pyright: ignore


def _end(b: Builder, values: Sequence[Value]) -> None:
    """Terminate the block that `b` is at the end of, and sweep it."""
    b.create("stablehlo.return", values, [])
    erase_dead_in(b.insertion_point.block)


# ---- branches ------------------------------------------------------------------------------


@gradient("stablehlo.if", "stablehlo.case")
def branches(b: GradientBuilder, op: Any, dys: Any) -> Mapping[Value, Value]:
    """The gradient of the branch that was taken, by the same predicate or index."""
    wanted = [value for value in captures(op) if b.is_active(value)]
    types = [value.type for value in wanted]
    back = b.create(op.name, [op.operands[0]], types, regions=len(op.regions))
    for source, target in zip(op.regions, back.regions, strict=True):
        block = target.blocks.append()
        inner = b.within(block)
        ops, results = copy_body(source.blocks[0], inner.insertion_point, {})
        found = backpropagate(inner, ops, results, _each(dys), wanted)
        _end(inner, [_or_zeros(inner, dx, x) for dx, x in zip(found, wanted, strict=True)])
    return dict(zip(wanted, back.results, strict=True))


def _or_zeros(b: Builder, value: Value | None, like: Value) -> Value:
    return b.zeros_like(like) if value is None else value


# ---- loops ---------------------------------------------------------------------------------


@gradient("stablehlo.while")
def loop(b: GradientBuilder, op: Any, dys: Any) -> Mapping[Value, Value]:
    """A loop from the last trip to the first, over the cotangents of the carried values.

    The forward loop also stores what each trip starts from, as far as the gradient reads it. The
    gradients by what the body captures are added up over the trips.

    Raises:
        PassError: the number of trips is not static.
    """
    forward = CountedLoop.of(op)
    carried = _carried(b, forward)
    captured = _captured(b, forward)
    seeds = _each(dys)
    found: dict[Value, Value] = {}
    _accumulate(b, found, _passed_on(forward, seeds, carried))
    if forward.trips:
        tape = _Tape(forward)
        starts = [_or_zeros(b, seeds[k], op.results[k]) for k in carried]
        back = _backward_loop(b, forward, tape, starts, carried, captured)
        tape.record(b)
        initial = [op.operands[k] for k in carried]
        _accumulate(b, found, zip([*initial, *captured], list(back.results)[1:], strict=True))
    return found


def _accumulate(
    b: Builder, sums: dict[Value, Value], terms: Iterable[tuple[Value, Value | None]]
) -> None:
    for value, term in terms:
        if term is not None:
            sums[value] = b.add(sums[value], term) if value in sums else term


def _passed_on(
    forward: CountedLoop, seeds: Sequence[Value | None], carried: Sequence[int]
) -> list[tuple[Value, Value | None]]:
    """The cotangents of results that are the initial values themselves."""
    operands = list(forward.op.operands)
    if not forward.trips:
        return list(zip(operands, seeds, strict=True))
    return [
        (operands[k], seed)
        for k, seed in enumerate(seeds)
        if k not in carried and forward.is_invariant(k)
    ]


def _carried(b: GradientBuilder, forward: CountedLoop) -> list[int]:
    """Which carried values change and depend on something active, in some trip."""
    *ops, end = forward.body.operations
    arguments = list(forward.body.arguments)
    results = list(end.operands)
    active = {k for k, value in enumerate(forward.op.operands) if b.is_active(value)}
    while True:
        known = b.active | {arguments[k] for k in active}
        found = Activity(ops, results, known).active
        more = active | {k for k, value in enumerate(results) if value in found}
        if more == active:
            return sorted(k for k in active if not forward.is_invariant(k))
        active = more


def _captured(b: GradientBuilder, forward: CountedLoop) -> list[Value]:
    """The active values from outside that the body reads: captures, and what never changes."""
    invariant = [x for k, x in enumerate(forward.op.operands) if forward.is_invariant(k)]
    return [x for x in dict.fromkeys([*invariant, *captures(forward.op)]) if b.is_active(x)]


def _backward_loop(
    b: GradientBuilder,
    forward: CountedLoop,
    tape: _Tape,
    starts: Sequence[Value],
    carried: Sequence[int],
    captured: Sequence[Value],
) -> Any:
    """From the last trip to the first: counter, cotangents of `carried`, sums by `captured`.

    Args:
        b: the builder of what surrounds the loop.
        forward: the loop.
        tape: gives the values at the start of a trip.
        starts: the cotangents of the loop's results.
        carried: which of the carried values have a cotangent.
        captured: the active values that the body reads from outside.
    """
    operands = [b.splat(0, _index()), *starts, *(b.zeros_like(x) for x in captured)]
    back, condition, body = _while(b, operands)
    # IREE runs a loop without asking the device whether to go on if its counter counts up.
    test, counter = b.within(condition), condition.arguments[0]
    _end(test, [test.compare("LT", counter, test.full_like(counter, forward.trips))])
    inner = b.within(body)
    counter, *sums = body.arguments
    trip = inner.subtract(inner.full_like(counter, forward.trips - 1), counter)
    arguments = list(forward.body.arguments)
    mapping = {x: tape.value(inner, k, trip) for k, x in enumerate(arguments)}
    wanted = [*(mapping[arguments[k]] for k in carried), *captured]
    ops, results = copy_body(forward.body, inner.insertion_point, mapping)
    cotangents = [sums.pop(0) for _ in carried]
    found = backpropagate(inner, ops, [results[k] for k in carried], cotangents, wanted)
    before = [_or_zeros(inner, dx, x) for dx, x in zip(found, wanted, strict=True)][: len(carried)]
    terms = found[len(carried) :]
    totals = [s if dx is None else inner.add(s, dx) for s, dx in zip(sums, terms, strict=True)]
    _end(inner, [inner.add(counter, inner.ones_like(counter)), *before, *totals])
    return back


def _index() -> RankedTensorType:
    return RankedTensorType.get([], IntegerType.get_signless(32))


def _while(b: Builder, operands: Sequence[Value]) -> tuple[Any, Block, Block]:
    """A loop with empty blocks for its condition and its body."""
    types = [value.type for value in operands]
    op = b.create("stablehlo.while", operands, types, regions=2)
    locations = [b.location] * len(types)
    condition, body = (region.blocks.append(*types, arg_locs=locations) for region in op.regions)
    return op, condition, body


class _Tape:
    """What each trip of a loop starts from: known, or recorded by the loop itself.

    What is to be recorded is known only once the gradient is built, so it reads placeholders, for
    which `record` puts the recordings.
    """

    def __init__(self, forward: CountedLoop) -> None:
        self.forward = forward
        self.before = Builder.before(forward.op)
        self.places: dict[int, Any] = {}

    def value(self, b: Builder, index: int, trip: Value) -> Value:
        """The carried value `index` at the start of a trip."""
        if self.forward.is_invariant(index):
            return self.forward.op.operands[index]
        initial = self.forward.op.operands[index]
        if index == self.forward.counter:
            steps = b.convert(trip, type_of(initial).element_type)
            steps = b.multiply(steps, b.full_like(steps, self.forward.step))
            return b.add(b.full_like(steps, self.forward.start), steps)
        return self._recorded(b, index, trip, shape_of(initial))

    def _recorded(self, b: Builder, index: int, trip: Value, shape: list[int]) -> Value:
        element = type_of(self.forward.op.operands[index]).element_type
        stack = RankedTensorType.get([self.forward.trips, *shape], element)
        place = self.before.create("builtin.unrealized_conversion_cast", [], [stack])
        self.places[index] = place
        row = b.create(
            "stablehlo.dynamic_slice",
            [place.results[0], *_row(b, trip, len(shape))],
            [RankedTensorType.get([1, *shape], element)],
            {"slice_sizes": i64s([1, *shape])},
        )
        return b.reshape(row.results[0], shape)

    def record(self, b: GradientBuilder) -> None:
        """Have the loop record what the gradient reads."""
        read = {k: place for k, place in self.places.items() if list(place.results[0].uses)}
        if read:
            op = self._recording_loop(list(read))
            plain = len(self.forward.op.results)
            stacks = list(op.results)[plain:]
            for place, stack in zip(read.values(), stacks, strict=True):
                place.results[0].replace_all_uses_with(stack)
            b.replace_later(self.forward.op, list(op.results)[:plain])
        for place in self.places.values():
            place.erase()

    def _trip(self, b: Builder, counter: Value) -> Value:
        """The number of the trip, from the counter."""
        if self.forward.start:
            counter = b.subtract(counter, b.full_like(counter, self.forward.start))
        if self.forward.step != 1:
            counter = b.divide(counter, b.full_like(counter, self.forward.step))
        return counter

    def _recording_loop(self, recorded: Sequence[int]) -> Any:
        """The forward loop, which carries the recordings as well."""
        b, forward = self.before, self.forward
        stacks = [b.zeros_like(self.places[k].results[0]) for k in recorded]
        operands = [*forward.op.operands, *stacks]
        op, condition, body = _while(b, operands)
        test, goes_on = _copy(forward.condition, condition)
        test.create("stablehlo.return", goes_on, [])
        inner, following = _copy(forward.body, body)
        stacks = list(body.arguments)[len(forward.op.operands) :]
        trip = self._trip(inner, body.arguments[forward.counter])
        for k, stack in zip(recorded, stacks, strict=True):
            value = body.arguments[k]
            row = inner.reshape(value, [1, *shape_of(value)])
            place = _row(inner, trip, len(shape_of(value)))
            operands = [stack, row, *place]
            new = inner.create("stablehlo.dynamic_update_slice", operands, [stack.type])
            following.append(new.results[0])
        inner.create("stablehlo.return", following, [])
        return op


def _row(b: Builder, trip: Value, rank: int) -> list[Value]:
    """Where a trip's row begins in what was recorded."""
    zero = b.zeros_like(trip)
    return [trip, *[zero] * rank]


def _copy(source: Block, target: Block) -> tuple[Builder, list[Value]]:
    """Copy the ops of a region's block; a builder behind them, and what they yield."""
    where = InsertionPoint(target)
    arguments = dict(zip(source.arguments, target.arguments, strict=False))
    _, results = copy_body(source, where, arguments)
    return Builder(where, source.operations[0].location), results
