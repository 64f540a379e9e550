"""Derivatives of indexing: what was read is added back where it was read."""

from __future__ import annotations

from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import shape_of, type_of
from pock_mlir.ir import (
    BoolAttr,
    DenseElementsAttr,
    DenseI64ArrayAttr,
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
    numbers = stablehlo_bindings.GatherDimensionNumbers(op.attributes["dimension_numbers"])
    scatter = b.create(
        "stablehlo.scatter",
        [b.zeros_like(x), _clamped(b, op, x, indices, numbers), dy],
        [x.type],
        {
            "scatter_dimension_numbers": _transposed(numbers),
            "indices_are_sorted": BoolAttr.get(False),
            "unique_indices": BoolAttr.get(False),
        },
        regions=1,
    )
    b.fill_region(scatter, "add")
    return scatter.results[0], None


def _transposed(numbers: Any) -> Any:
    return stablehlo_bindings.ScatterDimensionNumbers.get(
        list(numbers.offset_dims),
        list(numbers.collapsed_slice_dims),
        list(numbers.operand_batching_dims),
        list(numbers.start_indices_batching_dims),
        list(numbers.start_index_map),
        numbers.index_vector_dim,
    )


def _clamped(b: GradientBuilder, op: Any, x: Value, indices: Value, numbers: Any) -> Value:
    """The indices that the gather really used: it clamps them, a scatter would drop the update."""
    sizes = list(DenseI64ArrayAttr(op.attributes["slice_sizes"]))
    room = [size - taken for size, taken in zip(shape_of(x), sizes, strict=True)]
    limits = [room[dimension] for dimension in numbers.start_index_map]
    shape, dimension = shape_of(indices), numbers.index_vector_dim
    element = type_of(indices).element_type
    along = [len(limits) if i == dimension else 1 for i in range(len(shape))]
    dtype = np.int32 if str(element).endswith("32") else np.int64
    values = np.broadcast_to(np.array(limits, dtype).reshape(along), shape)
    high = b.create(
        "stablehlo.constant",
        [],
        [RankedTensorType.get(shape, element)],
        {"value": DenseElementsAttr.get(np.ascontiguousarray(values))},
    ).results[0]
    return b.minimum(b.maximum(indices, b.zeros_like(indices)), high)
