"""prepare-for-gradients: calls are inlined, shapes become static, special forms general ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pock_mlir.dialects.constants import splat_of
from pock_mlir.ir import (
    InsertionPoint,
    Location,
    Module,
    PassManager,
    RankedTensorType,
    StringAttr,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.plain_forms import PATTERNS
from pock_mlir.passes.regions import copy_body
from pock_mlir.rewriting import functions, nested_ops

_INLINE = (
    "func.func(stablehlo-legalize-composite-to-call),inline,symbol-dce,"
    "func.func(stablehlo-legalize-deprecated-ops{fail-on-unused=false})"
)
_STATIC = "func.func(stablehlo-canonicalize-dynamism,stablehlo-aggressive-simplification)"


@dataclass(frozen=True)
class PrepareForGradients(ModulePass):
    """Brings a module to the ops that have derivative rules.

    Requires that no function calls itself. Ensures that

    - calls and `stablehlo.composite` are inlined, private functions that nothing calls are gone;
    - a branch whose predicate or index is constant is straight-line code;
    - shapes are static where the operands that give them are constants, and ops with such operands
      (`dynamic_reshape`, `real_dynamic_slice`, ...) are the static ones;
    - `map`, `einsum`, `unary_einsum`, `torch_index_select`, `dot`, `broadcast` and tuples are what
      they stand for.

        %0 = func.call @layer(%x) : (tensor<4xf32>) -> tensor<4xf32>
        %y = stablehlo.dynamic_reshape %0, %shape : (...) -> tensor<?x?xf32>
      becomes
        %0 = stablehlo.tanh %x : tensor<4xf32>
        %y = stablehlo.reshape %0 : (tensor<4xf32>) -> tensor<2x2xf32>
    """

    name: ClassVar[str] = "prepare-for-gradients"

    def run(self, module: Module) -> None:
        _require_no_recursion(module)
        _run(module, _INLINE)
        for function in functions(module):
            _inline_known_branches(function)
        if any(_is_dynamic(function) for function in functions(module)):
            _make_static(module)
        PATTERNS.apply(module)


def _run(module: Module, pipeline: str) -> None:
    with module.context:
        PassManager.parse(f"builtin.module({pipeline})").run(module.operation)


# ---- calls ---------------------------------------------------------------------------------


def _require_no_recursion(module: Module) -> None:
    calls = {
        function.sym_name.value: [
            op.attributes["callee"].value
            for op in nested_ops(function)
            if op.operation.name == "func.call"
        ]
        for function in functions(module)
    }
    problems = [
        (function.location, f"@{function.sym_name.value} calls itself: it cannot be inlined")
        for function in functions(module)
        if function.sym_name.value in _reached(calls, function.sym_name.value)
    ]
    if problems:
        raise PassError(problems)


def _reached(calls: dict[str, list[str]], start: str) -> set[str]:
    """The functions that `start` calls, directly or not."""
    found: set[str] = set()
    stack = list(calls[start])
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += calls.get(name, [])
    return found


# ---- branches ------------------------------------------------------------------------------


def _inline_known_branches(function: Any) -> None:
    ops = [op for op in nested_ops(function) if op.operation.name in _TAKEN]
    for op in reversed(ops):  # inner ones first
        choice = splat_of(op.operands[0])
        if choice is None:
            continue
        block = op.regions[_TAKEN[op.operation.name](choice, len(op.regions))].blocks[0]
        _, values = copy_body(block, InsertionPoint(op), {})
        for result, value in zip(op.results, values, strict=True):
            result.replace_all_uses_with(value)
        op.operation.erase()


_TAKEN = {
    "stablehlo.if": lambda predicate, count: 0 if predicate else 1,
    "stablehlo.case": lambda index, count: index if 0 <= index < count else count - 1,
}
"""Which region is taken, given the operand and the number of regions."""


# ---- shapes --------------------------------------------------------------------------------


def _is_dynamic(function: Any) -> bool:
    return any(True for op in nested_ops(function) if _has_dynamic_form(op))


def _has_dynamic_form(op: Any) -> bool:
    types = [value.type for value in op.results]
    tensors = [RankedTensorType(each) for each in types if isinstance(each, RankedTensorType)]
    name = op.operation.name.removeprefix("stablehlo.")
    special = name.startswith(("dynamic_", "real_dynamic_", "get_dimension_size"))
    return special or any(not tensor.has_static_shape for tensor in tensors)


def _make_static(module: Module) -> None:
    for function in functions(module):
        _refine(module, function)
    _run(module, _STATIC)


def _refine(module: Module, function: Any) -> None:
    """Work out the shapes in one function: upstream's pass wants a module of one."""
    with module.context, Location.unknown():
        alone = Module.create()
        copy = function.operation.clone(ip=InsertionPoint(alone.body))
        copy.attributes["sym_name"] = StringAttr.get("main")
        _run(alone, "stablehlo-refine-shapes")
        refined = alone.body.operations[0].operation.clone(ip=InsertionPoint(function))
        refined.attributes["sym_name"] = function.sym_name
        function.operation.erase()
