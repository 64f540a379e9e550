"""Narrowing of random chains of ops that move elements: always the same values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pock_mlir.dialects import make_context
from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of
from pock_mlir.ir import FlatSymbolRefAttr, InsertionPoint, Location, Module, Value
from pock_mlir.passes.narrow_gradients import NarrowGradients
from pock_mlir.rewriting import body, functions
from tests.support.interpreter import Interpreter

CONTEXT = make_context()
SIZE = 24
SHAPES = [[24], [4, 6], [6, 4], [2, 3, 4], [1, 24], [3, 1, 8], [2, 2, 6], [4, 3, 2, 1], [12, 2]]
KINDS = ["reshape", "transpose", "reverse", "broadcast", "pad", "slice", "concatenate", "reduce"]


def grow(b: Builder, x: Value, kind: str, draw: st.DataObject) -> Value:
    """One more op on x."""
    shape = shape_of(x)
    axis = draw.draw(st.integers(0, len(shape) - 1)) if shape else 0
    if kind == "reshape":
        fitting = [s for s in SHAPES if np.prod(s) == np.prod(shape)]
        return b.reshape(x, draw.draw(st.sampled_from(fitting or [[int(np.prod(shape))]])))
    if kind == "transpose":
        return b.transpose(x, draw.draw(st.permutations(range(len(shape)))))
    if kind == "reverse":
        return b.reverse(x, [axis])
    if kind == "broadcast":
        dims = [i + (i >= axis) for i in range(len(shape))]
        return b.broadcast_in_dim(x, [*shape[:axis], 2, *shape[axis:]], dims)
    if kind == "pad":
        low = [int(i == axis) for i in range(len(shape))]
        return b.pad(x, low, [2 * n for n in low], value=1.5)
    if kind == "slice":
        stop = [n - (i == axis and n > 1) for i, n in enumerate(shape)]
        return b.slice(x, [0] * len(shape), stop)
    if kind == "concatenate":
        return b.concatenate([x, b.negate(x)], axis)
    return b.reduce_add(x, [axis]) if len(shape) > 1 else x


def gradient(draw: st.DataObject) -> Module:
    """A module whose update takes a random slice of random ops of the argument."""
    module = Module.parse(
        """func.func @train_step(%x: tensor<24xf32>) -> tensor<f32> {
          %loss = stablehlo.constant dense<0.0> : tensor<f32>
          return %loss : tensor<f32>
        }""",
        CONTEXT,
    )
    (step,) = functions(module)
    block = body(step)
    b = Builder(InsertionPoint.at_block_terminator(block), step.location)
    value = block.arguments[0]
    for kind in draw.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)):
        value = grow(b, value, kind, draw)
    starts = [draw.draw(st.integers(0, n - 1)) for n in shape_of(value)]
    stops = [
        draw.draw(st.integers(start + 1, n))
        for start, n in zip(starts, shape_of(value), strict=True)
    ]
    piece = b.slice(value, starts, stops)
    sizes = i64s(shape_of(piece))
    attributes = {"parameter": FlatSymbolRefAttr.get("w"), "offsets": i64s(starts), "sizes": sizes}
    b.create("pock.update", [piece], [], attributes)
    return module


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_same_values(draw: st.DataObject) -> None:
    with CONTEXT, Location.unknown():
        module = gradient(draw)
        x = np.arange(1, SIZE + 1, dtype=np.float32)
        (expected,) = Interpreter(module)({}, x).updates
        NarrowGradients().run(module)
        assert module.operation.verify()
        (actual,) = Interpreter(module)({}, x).updates
    np.testing.assert_allclose(actual.value, expected.value)
