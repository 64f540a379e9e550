"""Loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of, type_of
from pock_mlir.ir import InsertionPoint, IntegerType, RankedTensorType, Value

Step = Callable[[Builder, Value, Sequence[Value]], Sequence[Value]]


def counter_type() -> RankedTensorType:
    """The type of the counter of a loop, and of indices that are computed from it."""
    return RankedTensorType.get([], IntegerType.get_signless(32))


def counted_loop(b: Builder, count: int, state: Sequence[Value], step: Step) -> list[Value]:
    """`state` after step(builder, i, state) for i = 0 ... count - 1, as a `stablehlo.while`.

    The step gets a builder that inserts in the body of the loop, and returns the new state.
    """
    types = [counter_type(), *(value.type for value in state)]
    loop = b.create("stablehlo.while", [b.splat(0, types[0]), *state], types, regions=2)
    blocks = [
        region.blocks.append(*types, arg_locs=[b.location] * len(types)) for region in loop.regions
    ]
    test, body = (Builder(InsertionPoint(block), b.location) for block in blocks)
    i = blocks[0].arguments[0]
    test.create("stablehlo.return", [test.compare("LT", i, test.splat(count, types[0]))], [])
    i, *inner = blocks[1].arguments
    results = step(body, i, inner)
    body.create("stablehlo.return", [body.add(i, body.ones_like(i)), *results], [])
    return list(loop.results)[1:]


def _starts(b: Builder, x: Value, at: dict[int, Value]) -> list[Value]:
    zero = b.splat(0, counter_type())
    return [at.get(dimension, zero) for dimension in range(len(shape_of(x)))]


def element(b: Builder, x: Value, at: dict[int, Value]) -> Value:
    """The part of x at one index along each of some dimensions, which keep the size 1."""
    sizes = [1 if dimension in at else n for dimension, n in enumerate(shape_of(x))]
    return b.create(
        "stablehlo.dynamic_slice",
        [x, *_starts(b, x, at)],
        [RankedTensorType.get(sizes, type_of(x).element_type)],
        {"slice_sizes": i64s(sizes)},
    ).results[0]


def with_element(b: Builder, x: Value, part: Value, at: dict[int, Value]) -> Value:
    """x with `part` in the place that `element` would read."""
    operands = [x, part, *_starts(b, x, at)]
    return b.create("stablehlo.dynamic_update_slice", operands, [x.type]).results[0]
