"""What front ends that already speak StableHLO have in common: one function out of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.locations import layer_locations
from pock_mlir.ir import (
    Context,
    FlatSymbolRefAttr,
    Module,
    Operation,
    PassManager,
    RankedTensorType,
    StringAttr,
    WalkOrder,
    WalkResult,
    stablehlo_bindings,
)

_BYTECODE, _PORTABLE = b"ML\xefR", b"StableHLO_v"
_DIALECTS = {"func", "stablehlo", "chlo", "arith"}
_PIPELINE = (
    "builtin.module(inline,symbol-dce,"
    "func.func(stablehlo-legalize-deprecated-ops{fail-on-unused=false}))"
)
_FUNCTION_NOISE = ("arg_attrs", "res_attrs", "sym_visibility")
_SHOWN = 8


def parse(source: str | bytes, context: Context) -> Module:
    """A module from text, MLIR bytecode or a StableHLO portable artifact.

    Ops and attributes of unknown dialects are let in: `lone_function` names them all.

    Raises:
        ModelImportError: it is none of these; with the parser's first message and its line.
    """
    context.allow_unregistered_dialects = True
    try:
        if isinstance(source, bytes) and not source.startswith(_BYTECODE):
            source = source.decode()
        if isinstance(source, bytes) and _PORTABLE in source[:64]:
            return stablehlo_bindings.deserialize_portable_artifact(context, source)
        return Module.parse(source, context)
    except Exception as error:
        raise ModelImportError(f"not StableHLO: {_first_message(error)}") from error
    finally:
        context.allow_unregistered_dialects = False


def _first_message(error: Exception) -> str:
    """Of an MLIR error the first diagnostic, without the summary above it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[1] if len(lines) > 1 and lines[0].endswith(":") else lines[0]


def public_functions(module: Module) -> dict[str, Any]:
    """The functions of `module` that are not private, by name."""
    found = [op for op in module.body.operations if op.operation.name == "func.func"]
    return {op.sym_name.value: op for op in found if "private" not in _visibility(op)}


def _visibility(function: Any) -> str:
    attributes = function.operation.attributes
    return str(attributes["sym_visibility"]) if "sym_visibility" in attributes else ""


def lone_function(module: Module, entry: str, name: str, rename: Callable[[str], str] = str) -> str:
    """The function `entry` of a module as text, with what it calls inlined.

    Args:
        module: is changed, and of no use afterwards.
        entry: the function.
        name: the name that it gets.
        rename: from the name in a location to the layer's, which locations then are.

    Raises:
        ModelImportError: with everything that is not StableHLO of static shapes, and where it is.
    """
    functions = {op.sym_name.value: op for op in module.body.operations if _is_function(op)}
    _check([op for each in _called(functions, entry) for op in _walk(functions[each].operation)])
    with module.context:
        for other, function in functions.items():
            visibility = StringAttr.get("public" if other == entry else "private")
            function.operation.attributes["sym_visibility"] = visibility
        PassManager.parse(_PIPELINE).run(module.operation)
        function = next(op for op in module.body.operations if op.sym_name.value == entry)
        calls = [op for op in _walk(function.operation) if op.name == "func.call"]
        if calls:
            names = listing([str(op.attributes["callee"]) for op in calls])
            raise ModelImportError(f"functions that call themselves cannot be compiled: {names}")
        function.operation.attributes["sym_name"] = StringAttr.get(name)
        for noise in _FUNCTION_NOISE:
            if noise in function.operation.attributes:
                del function.operation.attributes[noise]
    return layer_locations(module.operation.get_asm(enable_debug_info=True), rename)


def _is_function(op: Any) -> bool:
    return op.operation.name == "func.func"


# ---- what it may contain ---------------------------------------------------------------------


def _called(functions: dict[str, Any], entry: str) -> list[str]:
    """`entry` and the functions that it calls, at any depth."""
    found, waiting = dict.fromkeys([entry]), [entry]
    while waiting:
        for op in _walk(functions[waiting.pop()].operation):
            if op.name == "func.call":
                callee = FlatSymbolRefAttr(op.attributes["callee"]).value
                if callee not in found:
                    found[callee] = None
                    waiting.append(callee)
    return list(found)


def _check(ops: list[Operation]) -> None:
    """Raise with every op that is foreign, or has a type that cannot be compiled."""
    places: dict[str, list[str]] = {}
    for op in ops:
        for reason in _op_problems(op):
            places.setdefault(reason, []).append(_place(op))
    problems = [f"{reason}, at {listing(found)}" for reason, found in places.items()]
    if problems:
        raise ModelImportError("the model cannot be compiled:", problems)


def _walk(root: Operation) -> list[Operation]:
    found: list[Operation] = []

    def visit(op: Any) -> WalkResult:
        found.append(op.operation)
        return WalkResult.ADVANCE

    root.walk(visit, WalkOrder.PRE_ORDER)
    return found


def _op_problems(op: Operation) -> Iterator[str]:
    if op.name.partition(".")[0] not in _DIALECTS:
        yield f"{op.name}: not an op of StableHLO"
    elif op.name == "stablehlo.custom_call":
        yield f"stablehlo.custom_call {op.attributes['call_target_name']}: code outside the model"
    for value in op.results:
        yield from type_problems(value.type)


def type_problems(type_: Any) -> Iterator[str]:
    """Why a value of this type cannot be compiled."""
    if not isinstance(type_, RankedTensorType):
        yield f"type {type_} is not a tensor of known rank"
    elif not RankedTensorType(type_).has_static_shape:
        yield f"dynamic shape {type_}; every size must be a number"


def _place(op: Operation) -> str:
    return str(op.location).removeprefix("loc(").removesuffix(")")


def listing(names: Sequence[str]) -> str:
    """The distinct names, the first few of them spelled out."""
    unique = list(dict.fromkeys(names))
    rest = f" and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
    return ", ".join(unique[:_SHOWN]) + rest
