"""fold-constants: compute at compile time what depends on constants only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from pock_mlir.dialects.constants import array_of, constant, is_constant, splat_of
from pock_mlir.dialects.stablehlo import Builder, is_complex, shape_of, type_of
from pock_mlir.ir import (
    BF16Type,
    DenseI64ArrayAttr,
    F16Type,
    F32Type,
    F64Type,
    IntegerType,
    Module,
    Type,
    Value,
)
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.patterns import Patterns

_FLOAT: dict[str, Callable[..., Any]] = {
    "divide": np.divide,
    "power": np.power,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "exponential": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
}
_ANY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "negate": np.negative,
    "abs": np.abs,
}
_COMPARE: dict[str, Callable[..., Any]] = {
    "EQ": np.equal,
    "NE": np.not_equal,
    "LT": np.less,
    "LE": np.less_equal,
    "GT": np.greater,
    "GE": np.greater_equal,
}


@dataclass(frozen=True)
class FoldConstants(ModulePass):
    """Computes elementwise and shape ops of constants, in the precision of their element type.

    Requires nothing. Ensures that constants are `stablehlo.constant`, that constants of equal
    elements are splats, and that no constant of more than `limit` elements is made that is not one.

        %c = arith.constant dense<2> : tensor<1xi64>
        %f = stablehlo.convert %c : (tensor<1xi64>) -> tensor<1xf32>
        %y = stablehlo.broadcast_in_dim %f, dims = [0] : (tensor<1xf32>) -> tensor<8xf32>
      becomes
        %y = stablehlo.constant dense<2.0> : tensor<8xf32>
    """

    name: ClassVar[str] = "fold-constants"
    limit: int = field(default=65536, metadata={"help": "elements of the largest constant made"})

    def run(self, module: Module) -> None:
        patterns = Patterns()
        patterns.on("arith.constant")(_to_stablehlo)
        for kind, function in {**_ANY, **_FLOAT}.items():
            patterns.on(f"stablehlo.{kind}")(self._elementwise(function, kind in _FLOAT))
        patterns.on("stablehlo.compare")(self._compare)
        patterns.on("stablehlo.convert")(self._convert)
        patterns.on("stablehlo.broadcast_in_dim", "stablehlo.transpose")(_splat_of_shape)
        patterns.on("stablehlo.reshape")(_splat_of_shape)
        patterns.on("stablehlo.reshape")(self._reshape)
        patterns.on("stablehlo.transpose")(self._transpose)
        patterns.on("stablehlo.dynamic_iota")(_static_iota)
        patterns.apply(module)

    def _elementwise(self, function: Callable[..., Any], floats_only: bool) -> Any:
        def fold(b: Builder, op: Any) -> Value | None:
            element = type_of(op.result).element_type
            if is_complex(op.result) or (floats_only and _numpy_type(element).kind != "f"):
                return None
            return self._evaluate(b, op, function)

        return fold

    def _compare(self, b: Builder, op: Any) -> Value | None:
        direction = str(op.attributes["comparison_direction"]).rstrip(">").split()[-1]
        return self._evaluate(b, op, _COMPARE[direction])

    def _convert(self, b: Builder, op: Any) -> Value | None:
        if is_complex(op.result):
            return None
        target = _numpy_type(type_of(op.result).element_type)
        return self._evaluate(b, op, lambda x: x.astype(target))

    def _reshape(self, b: Builder, op: Any) -> Value | None:
        return self._evaluate(b, op, lambda x: x.reshape(shape_of(op.result)))

    def _transpose(self, b: Builder, op: Any) -> Value | None:
        permutation = list(DenseI64ArrayAttr(op.attributes["permutation"]))
        return self._evaluate(b, op, lambda x: x.transpose(permutation))

    def _evaluate(self, b: Builder, op: Any, function: Callable[..., Any]) -> Value | None:
        if not all(is_constant(operand) for operand in op.operands):
            return None
        element = type_of(op.result).element_type
        splats = [splat_of(operand) for operand in op.operands]
        with np.errstate(all="ignore"):
            if op.name not in ("stablehlo.reshape", "stablehlo.transpose") and None not in splats:
                arrays = [
                    np.asarray(splat, _numpy_type(type_of(operand).element_type))
                    for splat, operand in zip(splats, op.operands, strict=True)
                ]
                return b.splat(np.asarray(function(*arrays)).item(), op.result.type)
            arrays = [array_of(operand, self.limit) for operand in op.operands]
            if any(array is None for array in arrays) or isinstance(element, BF16Type):
                return None
            return constant(b, np.asarray(function(*arrays), _numpy_type(element)), element)


def _numpy_type(element: Type) -> np.dtype:
    """The NumPy type to compute in; bf16 is rounded from f32 where the constant is made."""
    floats = {F16Type: np.float16, BF16Type: np.float32, F32Type: np.float32, F64Type: np.float64}
    for kind, dtype in floats.items():
        if isinstance(element, kind):
            return np.dtype(dtype)
    integer = IntegerType(element)
    if integer.width == 1:
        return np.dtype(np.bool_)
    return np.dtype(f"{'u' if integer.is_unsigned else ''}int{integer.width}")


def _to_stablehlo(b: Builder, op: Any) -> Value | None:
    if not str(op.result.type).startswith("tensor<"):
        return None
    return b.create(
        "stablehlo.constant", [], [op.result.type], {"value": op.attributes["value"]}
    ).results[0]


def _splat_of_shape(b: Builder, op: Any) -> Value | None:
    splat = splat_of(op.operands[0])
    return None if splat is None else b.splat(splat, op.result.type)


def _static_iota(b: Builder, op: Any) -> Value | None:
    if not type_of(op.result).has_static_shape:
        return None
    return b.create(
        "stablehlo.iota",
        [],
        [op.result.type],
        {"iota_dimension": op.attributes["iota_dimension"]},
    ).results[0]
