"""`mixed-precision`: contractions and convolutions take operands of a narrow type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    BF16Type,
    BlockArgument,
    F16Type,
    F32Type,
    InsertionPoint,
    Module,
    RankedTensorType,
    Type,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.rewriting import body, erase_dead_ops, functions

_CONTRACTIONS = ("stablehlo.dot_general", "stablehlo.convolution")
_VIEWS = ("stablehlo.reshape", "stablehlo.transpose")
TYPES = {"bf16": BF16Type, "f16": F16Type}


@dataclass(frozen=True)
class MixedPrecision(ModulePass):
    """Give `dot_general` and `convolution` operands of `type`; sums and results stay f32.

    Requires: backward ops are lowered (`lower-pock`). Ensures: every contraction and convolution of
    f32 operands, forward and backward, in a function other than `@fold`, has operands of the narrow
    type and a result of f32, in which it adds up. All else stays f32: weights, optimizer state,
    normalisation, softmax, losses and elementwise functions. A value is converted once, where it is
    made, so that what waits for the backward is the narrow one, if nothing else needs the wide one.
    With f16, small gradients vanish: use `scale-loss` and `unscale-gradients` as well.

        %y = stablehlo.dot_general %x, %w : (tensor<8x4xf32>, tensor<4x3xf32>) -> tensor<8x3xf32>
    becomes
        %0 = stablehlo.convert %x : (tensor<8x4xf32>) -> tensor<8x4xbf16>
        %1 = stablehlo.convert %w : (tensor<4x3xf32>) -> tensor<4x3xbf16>
        %y = stablehlo.dot_general %0, %1 : (tensor<8x4xbf16>, tensor<4x3xbf16>) -> tensor<8x3xf32>
    """

    name = "mixed-precision"
    type: str = field(default="bf16", metadata={"help": "bf16 or f16"})

    def run(self, module: Module) -> None:
        if self.type not in TYPES:
            raise PassError.at(module.operation, f"type must be bf16 or f16, got '{self.type}'")
        with module.context:
            element = TYPES[self.type].get()
        for function in functions(module):
            if function.sym_name.value != "fold":
                _narrow_function(function, element)
        erase_dead_ops(module)


def _narrow_function(function: Any, element: Type) -> None:
    """Narrow the operands of every contraction, those in regions too."""
    narrowed = _Narrowed(body(function), element)
    found: list[Any] = []

    def visit(operation: Any) -> None:
        for region in operation.regions:
            for block in region.blocks:
                for op in block.operations:
                    if op.operation.name in _CONTRACTIONS and _is_wide(op.operation):
                        found.append(op.operation)
                    visit(op.operation)

    visit(function.operation)
    for op in found:
        for i, operand in enumerate(list(op.operands)):
            op.operands[i] = narrowed.of(operand)


def _is_wide(op: Any) -> bool:
    """Whether it is of f32, and does not insist on that (`precision_config = [HIGHEST, ...]`)."""
    if "precision_config" in op.attributes and "HIGHEST" in str(op.attributes["precision_config"]):
        return False
    values = [*op.operands, *op.results]
    return all(isinstance(type_of(value).element_type, F32Type) for value in values)


class _Narrowed:
    """The narrow values of a function, each made once, behind the wide one."""

    def __init__(self, block: Any, element: Type) -> None:
        self._block, self._element = block, element
        self._known: dict[Value, Value] = {}

    def of(self, value: Value) -> Value:
        """`value` in the narrow type. A view is a view of what it shows, narrowed."""
        if value not in self._known:
            self._known[value] = self._make(value)
        return self._known[value]

    def _make(self, value: Value) -> Value:
        if isinstance(value, BlockArgument):
            point = InsertionPoint.at_block_begin(value.owner)
            return Builder(point, value.location).convert(value, self._element)
        op = value.owner.operation
        b = Builder(InsertionPoint.after(op), op.location)
        if op.name not in _VIEWS:
            return b.convert(value, self._element)
        attributes = {name: op.attributes[name] for name in op.attributes}
        type_ = RankedTensorType.get(shape_of(value), self._element)
        return b.create(op.name, [self.of(op.operands[0])], [type_], attributes).results[0]
