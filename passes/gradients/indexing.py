"""Derivatives of indexing: what was read is added back where it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pock_mlir.dialects.constants import constant
from pock_mlir.dialects.stablehlo import i64s, shape_of, type_of
from pock_mlir.ir import (
    BoolAttr,
    DenseI64ArrayAttr,
    IntegerType,
    RankedTensorType,
    Value,
    stablehlo_bindings,
)
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


def _update_slice(b: GradientBuilder, x: Value, update: Value, start: list[Value]) -> Value:
    return b.create("stablehlo.dynamic_update_slice", [x, update, *start], [x.type]).results[0]


@gradient("stablehlo.dynamic_slice")
def dynamic_slice(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The gradient where it was taken from, zeros elsewhere; no gradient by the indices."""
    x, *start = op.operands
    return _update_slice(b, b.zeros_like(x), dy, start), *[None] * len(start)


@gradient("stablehlo.dynamic_update_slice")
def dynamic_update_slice(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """The operand's gradient has zeros where the update is; the update gets what is there."""
    _, update, *start = op.operands
    sizes = DenseI64ArrayAttr.get(shape_of(update))
    taken = b.create("stablehlo.dynamic_slice", [dy, *start], [update.type], {"slice_sizes": sizes})
    dx = _update_slice(b, dy, b.zeros_like(update), start)
    return dx, taken.results[0], *[None] * len(start)


@gradient("stablehlo.gather")
def gather(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """Every slice's gradient is added where the slice was read, repeated reads included."""
    x, indices = op.operands
    places = Places.of_gather(op)
    # A gather moves slices inside, a scatter would drop them.
    inside = b.minimum(b.maximum(indices, b.zeros_like(indices)), places.last(b))
    return places.scatter(b, "add", b.zeros_like(x), dy, inside), None


@dataclass(frozen=True)
class Places:
    """Where a gather reads or a scatter writes: windows of a tensor, at indices.

    Attributes:
        indices: the tensor of start indices.
        shape: of the tensor.
        sizes: of a window, in every dimension of the tensor.
        numbers: window dimensions of the slices, dimensions of extent 1 that they lack, batch
            dimensions of the tensor and of the indices, the dimensions that the indices are for,
            and the dimension of the indices' tensor that holds an index: those of a gather.
        unique: whether no two windows overlap.
    """

    indices: Value
    shape: list[int]
    sizes: list[int]
    numbers: tuple[list[int], list[int], list[int], list[int], list[int], int]
    unique: bool

    @classmethod
    def of_gather(cls, op: Any) -> Places:
        """Those of a `stablehlo.gather`."""
        n = stablehlo_bindings.GatherDimensionNumbers(op.attributes["dimension_numbers"])
        numbers = (
            list(n.offset_dims),
            list(n.collapsed_slice_dims),
            list(n.operand_batching_dims),
            list(n.start_indices_batching_dims),
            list(n.start_index_map),
            n.index_vector_dim,
        )
        sizes = list(DenseI64ArrayAttr(op.attributes["slice_sizes"]))
        return cls(op.operands[1], shape_of(op.operands[0]), sizes, numbers, False)

    @classmethod
    def of_scatter(cls, op: Any) -> Places:
        """Those of a `stablehlo.scatter`."""
        n = stablehlo_bindings.ScatterDimensionNumbers(op.attributes["scatter_dimension_numbers"])
        numbers = (
            list(n.update_window_dims),
            list(n.inserted_window_dims),
            list(n.input_batching_dims),
            list(n.scatter_indices_batching_dims),
            list(n.scattered_dims_to_operand_dims),
            n.index_vector_dim,
        )
        count = (len(op.operands) - 1) // 2
        updates = shape_of(op.operands[count + 1])
        window = iter(updates[i] for i in numbers[0])
        shape, missing = shape_of(op.operands[0]), {*numbers[1], *numbers[2]}
        sizes = [1 if i in missing else next(window) for i in range(len(shape))]
        unique = "unique_indices" in op.attributes and op.attributes["unique_indices"].value
        return cls(op.operands[count], shape, sizes, numbers, unique)

    def last(self, b: GradientBuilder) -> Value:
        """The greatest indices at which a window lies inside, in the shape of the indices."""
        return self._spread(b, [self.shape[i] - self.sizes[i] for i in self.numbers[4]])

    def is_inside(self, b: GradientBuilder, updates: Value) -> Value:
        """For each element of `updates`, whether it lies inside the tensor: if not, it is dropped.

        Of a window that lies inside in part, that part is written.
        """
        inside = b.splat(1, RankedTensorType.get(shape_of(updates), IntegerType.get_signless(1)))
        for component, dimension in enumerate(self.numbers[4]):
            place = self._place(b, component, dimension, shape_of(updates))
            most = b.full_like(place, self.shape[dimension] - 1)
            inside = b.logical_and(inside, b.compare("GE", place, b.zeros_like(place)))
            inside = b.logical_and(inside, b.compare("LE", place, most))
        return inside

    def _place(self, b: GradientBuilder, component: int, dimension: int, shape: list[int]) -> Value:
        """For each element of an update of this shape, where it goes in a dimension."""
        start, vector = self.indices, self.numbers[5]
        low, high = [0] * len(shape_of(start)), shape_of(start)
        if vector < len(low):
            low[vector], high[vector] = component, component + 1
            rest = [n for i, n in enumerate(high) if i != vector]
            start = b.reshape(b.slice(start, low, high), rest)
        batch = [i for i in range(len(shape)) if i not in self.numbers[0]]
        place = b.broadcast_in_dim(start, shape, batch)
        if self.sizes[dimension] == 1:
            return place
        missing = {*self.numbers[1], *self.numbers[2]}
        window = [i for i in range(len(self.shape)) if i not in missing]
        along = self.numbers[0][window.index(dimension)]
        return b.add(place, b.iota(place.type, along))

    def gather(self, b: GradientBuilder, x: Value, like: Value) -> Value:
        """The windows of `x`, in the shape of `like`; what lies outside is anything."""
        margin = [n if i in self.numbers[4] and n > 1 else 0 for i, n in enumerate(self.sizes)]
        indices = self._shifted(b, [margin[i] for i in self.numbers[4]])
        numbers = stablehlo_bindings.GatherDimensionNumbers.get(*self.numbers)
        result = RankedTensorType.get(shape_of(like), type_of(x).element_type)
        attributes = {
            "dimension_numbers": numbers,
            "slice_sizes": i64s(self.sizes),
            "indices_are_sorted": BoolAttr.get(False),
        }
        operands = [b.pad(x, margin, margin), indices]
        return b.create("stablehlo.gather", operands, [result], attributes).results[0]

    def _shifted(self, b: GradientBuilder, amounts: list[int]) -> Value:
        """The indices with an amount added to each component."""
        return b.add(self.indices, self._spread(b, amounts)) if any(amounts) else self.indices

    def _spread(self, b: GradientBuilder, amounts: list[int]) -> Value:
        """A number for each component of an index, in the shape of the indices."""
        shape, element = shape_of(self.indices), type_of(self.indices).element_type
        integer = IntegerType(element)
        dtype = np.dtype(f"{'u' if integer.is_unsigned else ''}int{integer.width}")
        numbers = np.minimum(amounts, np.iinfo(dtype).max).astype(dtype)
        along = [len(amounts) if i == self.numbers[5] else 1 for i in range(len(shape))]
        return constant(b, np.broadcast_to(numbers.reshape(along), shape), element)

    def scatter(
        self, b: GradientBuilder, kind: str, x: Value, updates: Value, indices: Value | None = None
    ) -> Value:
        """`x` with the windows combined by `kind` ("add", "multiply", "second" to overwrite)."""
        attributes = {
            "scatter_dimension_numbers": stablehlo_bindings.ScatterDimensionNumbers.get(
                *self.numbers
            ),
            "indices_are_sorted": BoolAttr.get(False),
            "unique_indices": BoolAttr.get(self.unique),
        }
        operands = [x, self.indices if indices is None else indices, updates]
        op = b.create("stablehlo.scatter", operands, [x.type], attributes, regions=1)
        b.fill_region(op, kind)
        return op.results[0]
