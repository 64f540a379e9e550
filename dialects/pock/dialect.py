"""The dialect object and what every verifier of it shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pock_mlir.ir import DenseI64ArrayAttr, FloatAttr, OpView, RankedTensorType, Value, ext


class Pock(ext.Dialect, name="pock"):
    """Training: parameters, what a step reads of them, and what it makes of them."""


class VerificationError(Exception):
    """What a verifier raises; it becomes a diagnostic at the op's location."""


def verifier(check: Callable[[Any], None]) -> classmethod:
    """Turn `check(op)`, which raises VerificationError, into ext's `verify_invariants`."""

    def verify_invariants(cls: type, op: OpView) -> bool:
        try:
            check(op if isinstance(op, cls) else cls(op))
        except VerificationError as error:
            op.location.emit_error(f"'{cls.OPERATION_NAME}' op {error}")  # pyright: ignore
            return False
        return True

    return classmethod(verify_invariants)


def require(condition: object, message: str) -> None:
    """Raise VerificationError with `message` unless `condition` holds."""
    if not condition:
        raise VerificationError(message)


def tensor_type(value: Value, name: str) -> RankedTensorType:
    """The type of `value`, which must be a ranked tensor of static shape."""
    require(isinstance(value.type, RankedTensorType), f"{name} must be a ranked tensor")
    type_ = RankedTensorType(value.type)
    require(type_.has_static_shape, f"{name} must have a static shape, got {type_}")
    return type_


def require_scalar(value: Value, name: str) -> None:
    """Check that `value` is a rank-0 tensor, such as a learning rate."""
    require(tensor_type(value, name).rank == 0, f"{name} must be a rank-0 tensor")


def int_array(op: OpView, name: str) -> list[int]:
    """The attribute `name` as a list of integers; it must be an `array<i64: ...>`."""
    attribute = op.attributes[name]
    require(isinstance(attribute, DenseI64ArrayAttr), f"'{name}' must be an array<i64>")
    return list(DenseI64ArrayAttr(attribute))


def float_value(op: OpView, name: str) -> float:
    """The float attribute `name`."""
    return FloatAttr(op.attributes[name]).value


def require_range(op: OpView, name: str, low: float, high: float) -> None:
    """Check that the float attribute `name` lies in [low, high)."""
    value = float_value(op, name)
    require(low <= value < high, f"'{name}' must be in [{low:g}, {high:g}), got {value:g}")


def last_operand_optional(operation: Any) -> Any:
    """Class decorator: the last operand may be missing; it is None then.

    `ext` reads optional operands by `operandSegmentSizes`, which an op with a single one does not
    need, and which its text would always have to carry.
    """
    operands = [field for field in operation._fields if isinstance(field, ext.OperandDef)]
    for i, field in enumerate(operands):

        def operand(op: Any, i: int = i) -> Value | None:
            return op.operands[i] if i < len(op.operands) else None

        setattr(operation, field.name, property(operand))
    operation._ODS_OPERAND_SEGMENTS = None
    return operation
