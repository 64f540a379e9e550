"""Unsigned state, such as the seeds of a random generator, kept as signless integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from pock_mlir.dialects.pock import ReadOp
from pock_mlir.ir import (
    FlatSymbolRefAttr,
    InsertionPoint,
    IntegerType,
    Module,
    Operation,
    RankedTensorType,
    TypeAttr,
)
from pock_mlir.rewriting import named_ops, parameters


def store_signless(module: Module, values: dict[str, np.ndarray]) -> None:
    """Declare parameters of unsigned integers as signless ones of the same bits, in place.

    IREE has no variables of unsigned type. Reads are cast to it, assignments from it; the values
    become the signed integers of the same bits.
    """
    changed: dict[str, RankedTensorType] = {}
    for name, op in parameters(module).items():
        element = op.stored_type.element_type
        if isinstance(element, IntegerType) and IntegerType(element).is_unsigned:
            with op.location:
                width = IntegerType.get_signless(IntegerType(element).width)
                changed[name] = RankedTensorType.get(list(op.stored_type.shape), width)
                op.operation.attributes["type"] = TypeAttr.get(changed[name])
            if name in values:
                values[name] = values[name].view(values[name].dtype.name.removeprefix("u"))
    for op in named_ops(module, "pock.read", "pock.assign"):
        type_ = changed.get(FlatSymbolRefAttr(op.attributes["parameter"]).value)
        if type_ is not None:
            with op.location, InsertionPoint(op):
                (_read if op.operation.name == "pock.read" else _assign)(op, type_)


def _read(op: Any, type_: RankedTensorType) -> None:
    read = ReadOp(value=type_, parameter=op.attributes["parameter"])
    op.value.replace_all_uses_with(_cast(read.value, op.value.type))
    op.operation.erase()


def _assign(op: Any, type_: RankedTensorType) -> None:
    op.operation.operands[0] = _cast(op.value, type_)


def _cast(value: Any, type_: Any) -> Any:
    return Operation.create("stablehlo.bitcast_convert", results=[type_], operands=[value]).results[
        0
    ]
