"""Reductions, over dimensions and over windows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pock_mlir.dialects.stablehlo.attributes import i64s, pairs, shape_of, type_of
from pock_mlir.dialects.stablehlo.elementwise import Elementwise
from pock_mlir.ir import InsertionPoint, Operation, RankedTensorType, Type, Value

_IDENTITY: dict[str, float] = {
    "add": 0.0,
    "multiply": 1.0,
    "maximum": -math.inf,
    "minimum": math.inf,
}


class Reductions(Elementwise):
    """`reduce` and `reduce_window`; a kind of reduction is the name of its combiner."""

    def reduce(self, kind: str, x: Value, dimensions: Sequence[int]) -> Value:
        """Reduce `dimensions` of x; `kind` is "add", "multiply", "maximum" or "minimum"."""
        if not dimensions:
            return x
        element = type_of(x).element_type
        shape = [size for i, size in enumerate(shape_of(x)) if i not in set(dimensions)]
        op = self.create(
            "stablehlo.reduce",
            [x, self.scalar_like(x, _IDENTITY[kind])],
            [RankedTensorType.get(shape, element)],
            {"dimensions": i64s(sorted(dimensions))},
            regions=1,
        )
        self._combiner(op, kind, element)
        return op.results[0]

    def reduce_add(self, x: Value, dimensions: Sequence[int]) -> Value:
        """Sum over `dimensions`."""
        return self.reduce("add", x, dimensions)

    def reduce_window(
        self,
        kind: str,
        x: Value,
        window: Sequence[int],
        strides: Sequence[int],
        low: Sequence[int],
        high: Sequence[int],
    ) -> Value:
        """Reduce every window of x; all attributes have one entry per dimension of x."""
        element = type_of(x).element_type
        shape = [
            (size + lo + hi - extent) // stride + 1
            for size, extent, stride, lo, hi in zip(
                shape_of(x), window, strides, low, high, strict=True
            )
        ]
        op = self.create(
            "stablehlo.reduce_window",
            [x, self.scalar_like(x, _IDENTITY[kind])],
            [RankedTensorType.get(shape, element)],
            {
                "window_dimensions": i64s(window),
                "window_strides": i64s(strides),
                "padding": pairs(low, high),
            },
            regions=1,
        )
        self._combiner(op, kind, element)
        return op.results[0]

    def _combiner(self, op: Operation, kind: str, element: Type) -> None:
        scalar = RankedTensorType.get([], element)
        block = op.regions[0].blocks.append(scalar, scalar, arg_locs=[self.location] * 2)
        inner = Elementwise(InsertionPoint(block), self.location)
        combined = inner._elementwise(kind, *block.arguments)
        inner.create("stablehlo.return", [combined], [])
