"""From torch-mlir's torch dialect to StableHLO; two front ends go this way. Imports no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pock_mlir.ir import Attribute, InsertionPoint, Module, Operation, PassManager, StringAttr

_TO_CHLO = "builtin.module(func.func(convert-torch-to-stablehlo{enable-static-shape=true}))"
_TO_STABLEHLO = (
    "builtin.module(func.func(chlo-legalize-to-stablehlo,convert-torch-to-arith,canonicalize,cse),"
    "torch-func-backend-type-conversion-for-stablehlo,func.func(canonicalize,"
    "torch-finalizing-backend-type-conversion-for-stablehlo,stablehlo-canonicalize-dynamism),"
    "stablehlo-refine-shapes,func.func(canonicalize,stablehlo-canonicalize-dynamism,canonicalize,"
    "stablehlo-legalize-deprecated-ops{fail-on-unused=false}))"
)


class Diagnostics:
    """Collects the errors that torch-mlir would print."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, diagnostic: Any) -> bool:
        """Keep a diagnostic; it goes no further."""
        if "ERROR" in str(diagnostic.severity):
            self.messages.append(f"{diagnostic.location}: {diagnostic.message}"[:500])
        return True


def run(module: Module, pipelines: Sequence[str]) -> None:
    """Run pipelines one after another. Raises MLIRError."""
    with module.context:
        for pipeline in pipelines:
            PassManager.parse(pipeline).run(module.operation)


def to_stablehlo(module: Module) -> None:
    """Lower a module that holds to torch-mlir's backend contract, in place. Raises MLIRError."""
    run(module, [_TO_CHLO])
    with module.context:
        _hide_erf(module)
        run(module, [_TO_STABLEHLO])
        _reveal_erf(module)


def _hide_erf(module: Module) -> None:
    """Keep erf as an op: its expansion to a rational function has a long and slow derivative."""
    for op in _operations(module, "chlo.erf"):
        _replace(op, "stablehlo.custom_call", call_target_name=StringAttr.get("chlo.erf"))


def _reveal_erf(module: Module) -> None:
    for op in _operations(module, "stablehlo.custom_call"):
        if op.attributes["call_target_name"] == StringAttr.get("chlo.erf"):
            _replace(op, "chlo.erf")


def _operations(module: Module, name: str) -> list[Operation]:
    return [
        op.operation
        for function in module.body.operations
        for block in function.regions[0]
        for op in block.operations
        if op.name == name
    ]


def _replace(op: Operation, name: str, **attributes: Attribute) -> None:
    new = Operation.create(
        name,
        results=[result.type for result in op.results],
        operands=list(op.operands),
        attributes=attributes,
        loc=op.location,
        ip=InsertionPoint(op),
    )
    op.result.replace_all_uses_with(new.result)
    op.erase()
