"""Ops that move elements and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pock_mlir.dialects.stablehlo.attributes import i64, i64s, shape_of, type_of
from pock_mlir.dialects.stablehlo.core import Core
from pock_mlir.ir import RankedTensorType, Value


class Shaping(Core):
    """Reshape, transpose, broadcast, slice, pad, concatenate, reverse."""

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """x in another shape, row-major."""
        if shape_of(x) == list(shape):
            return x
        return self._one(
            "stablehlo.reshape", [x], RankedTensorType.get(list(shape), type_of(x).element_type)
        )

    def transpose(self, x: Value, permutation: Sequence[int]) -> Value:
        """Dimension i of the result is dimension permutation[i] of x."""
        if list(permutation) == list(range(len(permutation))):
            return x
        shape = [shape_of(x)[i] for i in permutation]
        return self._one(
            "stablehlo.transpose",
            [x],
            RankedTensorType.get(shape, type_of(x).element_type),
            permutation=i64s(permutation),
        )

    def broadcast_in_dim(self, x: Value, shape: Sequence[int], dimensions: Sequence[int]) -> Value:
        """Dimension i of x becomes dimension dimensions[i] of the result."""
        return self._one(
            "stablehlo.broadcast_in_dim",
            [x],
            RankedTensorType.get(list(shape), type_of(x).element_type),
            broadcast_dimensions=i64s(dimensions),
        )

    def broadcast_to(self, scalar: Value, like: Value) -> Value:
        """A rank-0 tensor, repeated to the shape of `like`."""
        return self.broadcast_in_dim(scalar, shape_of(like), [])

    def slice(
        self, x: Value, start: Sequence[int], limit: Sequence[int], strides: Sequence[int] = ()
    ) -> Value:
        """x[start:limit:strides] in every dimension."""
        steps = list(strides) or [1] * len(start)
        shape = [max(0, -(-(b - a) // s)) for a, b, s in zip(start, limit, steps, strict=True)]
        if shape == shape_of(x) and all(step == 1 for step in steps):
            return x
        return self._one(
            "stablehlo.slice",
            [x],
            RankedTensorType.get(shape, type_of(x).element_type),
            start_indices=i64s(start),
            limit_indices=i64s(limit),
            strides=i64s(steps),
        )

    def pad(
        self,
        x: Value,
        low: Sequence[int],
        high: Sequence[int],
        interior: Sequence[int] = (),
        value: float = 0,
    ) -> Value:
        """x with `value` around and, with `interior`, between its elements; negative crops."""
        between = list(interior) or [0] * len(low)
        if not any([*low, *high, *between]):
            return x
        shape = [
            lo + hi + size + max(0, size - 1) * mid
            for lo, hi, mid, size in zip(low, high, between, shape_of(x), strict=True)
        ]
        return self._one(
            "stablehlo.pad",
            [x, self.scalar_like(x, value)],
            RankedTensorType.get(shape, type_of(x).element_type),
            edge_padding_low=i64s(low),
            edge_padding_high=i64s(high),
            interior_padding=i64s(between),
        )

    def concatenate(self, values: Sequence[Value], dimension: int) -> Value:
        """The values one after the other along `dimension`."""
        if len(values) == 1:
            return values[0]
        shape = shape_of(values[0])
        shape[dimension] = sum(shape_of(value)[dimension] for value in values)
        return self._one(
            "stablehlo.concatenate",
            values,
            RankedTensorType.get(shape, type_of(values[0]).element_type),
            dimension=i64(dimension),
        )

    def reverse(self, x: Value, dimensions: Sequence[int]) -> Value:
        """x with the order of its elements reversed along `dimensions`."""
        if not dimensions:
            return x
        return self._one("stablehlo.reverse", [x], x.type, dimensions=i64s(dimensions))
