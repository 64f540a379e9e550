"""What passes share: finding parameters, functions and views, and erasing what is dead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.ir import (
    ArrayAttr,
    BlockArgument,
    BoolAttr,
    DictAttr,
    FlatSymbolRefAttr,
    Module,
    OpResult,
    StringAttr,
    Value,
)

_PURE_DIALECTS = ("arith", "chlo", "math", "pock", "stablehlo", "tensor")
_EFFECTS = {f"stablehlo.{name}" for name in ("infeed", "outfeed", "recv", "rng", "send")}
_EFFECTS |= {"pock.accumulate"}


def parameters(module: Module) -> dict[str, ParameterOp]:
    """The declared parameters by name, in order."""
    return {op.sym_name.value: op for op in module.body.operations if isinstance(op, ParameterOp)}


def functions(module: Module) -> list[Any]:
    """The `func.func` ops that have a body."""
    found = [op for op in module.body.operations if op.operation.name == "func.func"]
    return [op for op in found if op.operation.regions[0].blocks]


def is_private(function: Any) -> bool:
    """Whether only functions of the module call it."""
    if "sym_visibility" not in function.attributes:
        return False
    return StringAttr(function.attributes["sym_visibility"]).value == "private"


def callees(function: Any) -> list[Any]:
    """The functions that a function's body calls, one for each call."""
    named = {each.sym_name.value: each for each in functions(function.operation.parent.opview)}
    return [
        named[FlatSymbolRefAttr(op.attributes["callee"]).value]
        for op in body(function).operations
        if op.operation.name == "func.call"
    ]


def body(function: Any) -> Any:
    """The entry block of a function."""
    return function.operation.regions[0].blocks[0]


def replace_op(op: Any, value: Value) -> None:
    """Let `value` stand for the only result of `op`, and erase `op`."""
    op.operation.results[0].replace_all_uses_with(value)
    op.operation.erase()


def named_ops(module: Module, *names: str) -> Iterator[Any]:
    """The ops of these names that stand directly in a function's body, in order.

    The caller may erase or replace the op that it was given.
    """
    for function in functions(module):
        yield from [op for op in body(function).operations if op.operation.name in names]


def argument_of_role(function: Any, role: str) -> Value | None:
    """The argument of a function whose attribute `pock.role` is `role`, if there is one."""
    if "arg_attrs" not in function.attributes:
        return None
    attributes = ArrayAttr(function.attributes["arg_attrs"])
    for argument, entry in zip(body(function).arguments, attributes, strict=True):
        entries = DictAttr(entry)
        if "pock.role" in entries and StringAttr(entries["pock.role"]).value == role:
            return BlockArgument(argument)
    return None


VIEWS = ("stablehlo.reshape", "stablehlo.slice")
"""Ops whose result may lie in their operand's memory."""


def viewed(value: Value) -> Value:
    """The tensor in whose memory `value` may lie."""
    while isinstance(value, OpResult) and value.owner.operation.name in VIEWS:
        value = value.owner.operation.operands[0]
    return value


def is_dead(op: Any) -> bool:
    """Whether nothing uses the op's results and it has no other effect."""
    operation = op.operation
    if not operation.results or any(True for value in operation.results for _ in value.uses):
        return False
    return not has_effect(operation)


def has_effect(op: Any) -> bool:
    """Whether an op, or one in its regions, does more than compute its results."""
    return _has_effect(op) or any(map(_has_effect, nested_ops(op)))


def _has_effect(op: Any) -> bool:
    operation = op.operation
    if operation.name.partition(".")[0] not in _PURE_DIALECTS:
        return True
    if operation.name != "stablehlo.custom_call" or "has_side_effect" not in operation.attributes:
        return operation.name in _EFFECTS
    return BoolAttr(operation.attributes["has_side_effect"]).value


def nested_ops(op: Any) -> Iterator[Any]:
    """The ops in the regions of `op`, those in their regions included."""
    for region in op.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield inner
                yield from nested_ops(inner)


def erase_dead_ops(module: Module) -> int:
    """Erase the dead ops of every function's body; how many they were.

    One sweep backwards finds them all, since a body is straight-line code. Reads are dead when
    unused; updates and assignments never are.
    """
    return sum(erase_dead_in(body(function)) for function in functions(module))


def erase_dead_in(block: Any) -> int:
    """Erase the dead ops of a block; how many they were."""
    erased = 0
    for op in reversed(list(block.operations)):
        if is_dead(op):
            op.operation.erase()
            erased += 1
    return erased


def read_parameters(module: Module) -> set[str]:
    """The parameters that some op of a function of `module` names."""
    named: set[str] = set()
    for function in functions(module):
        for op in body(function).operations:
            if not op.operation.name.startswith("pock."):
                continue  # The bindings have no class for some attributes: complex constants.
            values = (op.attributes[name] for name in op.attributes)
            named |= {
                FlatSymbolRefAttr(a).value for a in values if isinstance(a, FlatSymbolRefAttr)
            }
    return named


def erase_unread_parameters(module: Module) -> None:
    """Erase the declarations of parameters that no function of `module` names."""
    named = read_parameters(module)
    for name, op in parameters(module).items():
        if name not in named:
            op.operation.erase()
