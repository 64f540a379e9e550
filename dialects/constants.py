"""The values of constants, as NumPy sees them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import Builder, is_complex
from pock_mlir.ir import (
    BF16Type,
    BlockArgument,
    DenseElementsAttr,
    FloatAttr,
    IntegerAttr,
    RankedTensorType,
    Type,
    Value,
)

_NAMES = ("stablehlo.constant", "arith.constant")


def _attribute(value: Value) -> DenseElementsAttr | None:
    if isinstance(value, BlockArgument):
        return None
    op: Any = value.owner
    if op.name not in _NAMES or is_complex(value):
        return None
    attribute = op.attributes["value"]
    return attribute if isinstance(attribute, DenseElementsAttr) else None


def is_constant(value: Value) -> bool:
    """Whether `value` is made by a constant op, of real numbers or integers."""
    return _attribute(value) is not None


def splat_of(value: Value) -> float | int | bool | None:
    """The element of a real constant whose elements are all the same; None for any other value."""
    attribute = _attribute(value)
    if attribute is None or not attribute.is_splat:
        return None
    element = attribute.get_splat_value()
    if isinstance(element, FloatAttr | IntegerAttr):
        return element.value
    return bool(element)


def is_splat(value: Value, *numbers: float) -> bool:
    """Whether `value` is a constant whose elements all equal one of `numbers`."""
    element = splat_of(value)
    return element is not None and element in numbers


def array_of(value: Value, limit: int) -> np.ndarray | None:
    """The elements of a constant of at most `limit` elements that NumPy has a type for."""
    attribute = _attribute(value)
    if attribute is None:
        return None
    type_ = RankedTensorType(value.type)
    if not attribute.is_splat and _size(type_) > limit:
        return None
    if isinstance(type_.element_type, BF16Type):
        return None
    return np.asarray(attribute).reshape(type_.shape)


def _size(type_: RankedTensorType) -> int:
    return int(np.prod(type_.shape, dtype=np.int64))


def constant(b: Builder, array: np.ndarray, element: Type) -> Value:
    """A constant of these elements; one whose elements are all the same is made a splat."""
    array = np.asarray(array, order="C")
    type_ = RankedTensorType.get(list(array.shape), element)
    if array.size and array.tobytes() == array.flat[0].tobytes() * array.size:
        return b.splat(array.flat[0].item(), type_)
    attribute = DenseElementsAttr.get(array, type=element)
    return b.create("stablehlo.constant", [], [type_], {"value": attribute}).results[0]
