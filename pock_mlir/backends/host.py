"""Run a function of parameters in NumPy, while compiling: a backend for elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pock_mlir.dialects.constants import array_of, splat_of
from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import (
    BF16Type,
    DenseI64ArrayAttr,
    F16Type,
    F32Type,
    FlatSymbolRefAttr,
    IntegerAttr,
    Module,
    Value,
)
from pock_mlir.passes.kernels.winograd import transformed_kernel
from pock_mlir.rewriting import body, functions

Array = np.ndarray[Any, Any]

_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "stablehlo.add": np.add,
    "stablehlo.divide": np.divide,
    "stablehlo.maximum": np.maximum,
    "stablehlo.minimum": np.minimum,
    "stablehlo.multiply": np.multiply,
    "stablehlo.negate": np.negative,
    "stablehlo.rsqrt": lambda x: 1 / np.sqrt(x),
    "stablehlo.sqrt": np.sqrt,
    "stablehlo.subtract": np.subtract,
}


def _broadcast(op: Any, x: Array) -> Array:
    places = list(DenseI64ArrayAttr(op.attributes["broadcast_dimensions"]))
    shape = [1] * len(shape_of(op.results[0]))
    for place, size in zip(places, x.shape, strict=True):
        shape[place] = size
    order = np.argsort(places)
    return np.broadcast_to(x.transpose(order).reshape(shape), shape_of(op.results[0]))


_SHAPE: dict[str, Callable[[Any, Array], Array]] = {
    "stablehlo.broadcast_in_dim": _broadcast,
    "stablehlo.reshape": lambda op, x: x.reshape(shape_of(op.results[0])),
    "stablehlo.transpose": lambda op, x: x.transpose(
        list(DenseI64ArrayAttr(op.attributes["permutation"]))
    ),
    "stablehlo.reverse": lambda op, x: np.flip(
        x, tuple(DenseI64ArrayAttr(op.attributes["dimensions"]))
    ),
    "pock.winograd_kernel": lambda op, x: transformed_kernel(
        x, IntegerAttr(op.attributes["side"]).value
    ),
}


def evaluate(module: Module, function: str, values: Mapping[str, Array]) -> list[Array] | None:
    """The results of a function without arguments, or None where it has an op not known here.

    Every op is rounded to f32 like the compiled one; functions of other types are not known.

    Args:
        module: left as it is.
        function: name of the function; it may read parameters.
        values: value of each parameter it reads, in the stored layout.
    """
    (found,) = [each for each in functions(module) if each.sym_name.value == function]
    computed: dict[Value, Array] = {}
    for op in body(found).operations:
        operation = op.operation
        if operation.name == "func.return":
            return [np.array(computed[operand], order="C") for operand in operation.operands]
        result = _value(operation, computed, values)
        if result is None:
            return None
        computed[operation.results[0]] = result
    raise AssertionError("a function ends with func.return")


def _value(op: Any, computed: Mapping[Value, Array], values: Mapping[str, Array]) -> Array | None:
    if len(op.results) != 1:
        return None
    operands = [computed[operand] for operand in op.operands]
    if op.name == "stablehlo.convert":
        return _converted(op, *operands)
    if not isinstance(op.results[0].type.element_type, F32Type):
        return None
    if op.name == "pock.read":
        return values[FlatSymbolRefAttr(op.attributes["parameter"]).value]
    if op.name == "stablehlo.constant":
        return _constant(op.results[0])
    if op.name in _ELEMENTWISE:
        with np.errstate(all="ignore"):
            return np.asarray(_ELEMENTWISE[op.name](*operands), np.float32)
    return _SHAPE[op.name](op, *operands) if op.name in _SHAPE else None


def _converted(op: Any, x: Array) -> Array | None:
    """x rounded to a narrower float."""
    element = op.results[0].type.element_type
    if isinstance(element, BF16Type):
        import ml_dtypes

        return x.astype(ml_dtypes.bfloat16)
    return x.astype(np.float16) if isinstance(element, F16Type) else None


def _constant(value: Value) -> Array | None:
    splat = splat_of(value)
    if splat is not None:
        return np.broadcast_to(np.float32(splat), shape_of(value))
    return array_of(value, limit=1 << 40)
