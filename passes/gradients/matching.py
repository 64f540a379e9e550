"""What rules ask about forward values."""

from __future__ import annotations

import math

from pock_mlir.dialects.stablehlo import is_complex
from pock_mlir.ir import (
    BlockArgument,
    DenseElementsAttr,
    FloatAttr,
    IntegerAttr,
    OpView,
    Value,
)

_CONSTANTS = ("stablehlo.constant", "arith.constant")
_SPLAT_PRESERVING = (
    "stablehlo.broadcast_in_dim",
    "stablehlo.reshape",
    "stablehlo.convert",
    "stablehlo.transpose",
)


def defining_op(value: Value) -> OpView | None:
    """The op that yields `value`; None for a block argument."""
    return None if isinstance(value, BlockArgument) else value.owner


def is_made_by(value: Value, *names: str) -> bool:
    """Whether an op of one of these names yields `value`."""
    op = defining_op(value)
    return op is not None and op.name in names


def splat_of(value: Value) -> float | None:
    """The number that every element of `value` is known to be, if there is one."""
    op = defining_op(value)
    while op is not None and op.name in _SPLAT_PRESERVING:
        op = defining_op(op.operands[0])
    if op is None or op.name not in _CONSTANTS or is_complex(op.results[0]):
        return None
    attribute = op.attributes["value"]
    if not isinstance(attribute, DenseElementsAttr) or not attribute.is_splat:
        return None
    number = attribute.get_splat_value()
    if isinstance(number, FloatAttr | IntegerAttr):
        return float(number.value)
    return None


def is_infinite(value: Value, sign: int) -> bool:
    """Whether `value` is known to be infinite, with this sign, everywhere."""
    return splat_of(value) == sign * math.inf


def is_slice_among_zeros(value: Value) -> bool:
    """Whether `value` is zero but for a slice that was put into it."""
    op = defining_op(value)
    if op is None or op.name != "stablehlo.dynamic_update_slice":
        return False
    return splat_of(op.operands[0]) == 0
