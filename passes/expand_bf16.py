"""`expand-bf16`: rounding to bf16 in integer arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    BF16Type,
    F32Type,
    IntegerType,
    Module,
    RankedTensorType,
    Type,
    Value,
    WalkResult,
)
from pock_mlir.passes.base import ModulePass


@dataclass(frozen=True)
class ExpandBf16(ModulePass):
    """Compute every conversion of f32 to bf16 from the bits of the f32.

    Requires: nothing. Ensures: no `stablehlo.convert` of f32 to bf16 is left; the same values come
    of integer arithmetic (to the nearest, ties to even; NaN stays NaN). For processors without an
    instruction for it: LLVM would call a function that a module of IREE does not have.

        %y = stablehlo.convert %x : (tensor<4xf32>) -> tensor<4xbf16>
    becomes
        %bits = stablehlo.bitcast_convert %x : (tensor<4xf32>) -> tensor<4xi32>
        ...                                              // (bits + 0x7FFF + bit 16) >> 16
        %y = stablehlo.bitcast_convert %upper : (tensor<4xi16>) -> tensor<4xbf16>
    """

    name = "expand-bf16"

    def run(self, module: Module) -> None:
        found: list[Any] = []

        def collect(op: Any) -> WalkResult:
            if op.name == "stablehlo.convert" and _rounds(op):
                found.append(op.opview)
            return WalkResult.ADVANCE

        module.operation.walk(collect)
        for op in found:
            with op.location:
                value = _rounded(Builder.before(op), op.operation.operands[0])
            op.operation.results[0].replace_all_uses_with(value)
            op.operation.erase()


def _rounds(op: Any) -> bool:
    source, result = (type_of(value).element_type for value in (op.operands[0], op.results[0]))
    return isinstance(source, F32Type) and isinstance(result, BF16Type)


def _rounded(b: Builder, x: Value) -> Value:
    bits = _bitcast(b, x, IntegerType.get_signless(32))
    odd = b.logical_and(_upper(b, bits), b.ones_like(bits))
    rounded = _upper(b, b.add(bits, b.add(odd, b.full_like(bits, 0x7FFF))))
    word = b.select(b.compare("NE", x, x), b.full_like(bits, 0x7FC0), rounded)
    return _bitcast(b, b.convert(word, IntegerType.get_signless(16)), BF16Type.get())


def _upper(b: Builder, bits: Value) -> Value:
    """The upper 16 bits, in the place of the lower."""
    amount = b.full_like(bits, 16)
    return b.create("stablehlo.shift_right_logical", [bits, amount], [bits.type]).results[0]


def _bitcast(b: Builder, x: Value, element: Type) -> Value:
    type_ = RankedTensorType.get(shape_of(x), element)
    return b.create("stablehlo.bitcast_convert", [x], [type_]).results[0]
