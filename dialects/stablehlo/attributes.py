"""Types and attributes that StableHLO ops are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pock_mlir.ir import (
    ComplexType,
    DenseElementsAttr,
    DenseI64ArrayAttr,
    IntegerAttr,
    IntegerType,
    RankedTensorType,
    Value,
)


def type_of(value: Value) -> RankedTensorType:
    """The ranked tensor type of `value`."""
    return RankedTensorType(value.type)


def shape_of(value: Value) -> list[int]:
    """The shape of `value`, a tensor of static shape."""
    return list(type_of(value).shape)


def is_complex(value: Value) -> bool:
    """Whether `value` is a tensor of complex numbers."""
    if not isinstance(value.type, RankedTensorType):
        return False
    return isinstance(RankedTensorType(value.type).element_type, ComplexType)


def i64s(values: Sequence[int]) -> DenseI64ArrayAttr:
    """`array<i64: ...>`"""
    return DenseI64ArrayAttr.get([int(value) for value in values])


def i64(value: int) -> IntegerAttr:
    """`value : i64`"""
    return IntegerAttr.get(IntegerType.get_signless(64), value)


def pairs(low: Sequence[int], high: Sequence[int]) -> DenseElementsAttr:
    """Padding as StableHLO wants it: `dense<[[low, high], ...]> : tensor<Nx2xi64>`"""
    return DenseElementsAttr.get(np.array(list(zip(low, high, strict=True)), np.int64))
