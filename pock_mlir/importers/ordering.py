"""The order of parameters, which says to schemes what comes last in a network."""

from __future__ import annotations

from typing import Any

from pock_mlir.ir import FlatSymbolRefAttr, Module
from pock_mlir.passes.patterns import producer
from pock_mlir.rewriting import body, functions, parameters


def order_by_use(module: Module) -> None:
    """Declare parameters in the order of their first use; those without any come last.

    For front ends whose own order says nothing, such as a JAX pytree's, which is alphabetical.
    """
    position = _first_uses(module)
    declared = parameters(module)
    ordered = sorted(declared, key=lambda name: position.get(name, len(position) + 10**9))
    previous: Any = None
    for name in ordered:
        op = declared[name].operation
        if previous is None:
            op.move_before(next(iter(module.body.operations)).operation)
        else:
            op.move_after(previous)
        previous = op


def _first_uses(module: Module) -> dict[str, int]:
    """The position of the first op that uses each parameter, in the first function that does."""
    position: dict[str, int] = {}
    for function in functions(module):
        base = max(position.values(), default=0)
        for index, op in enumerate(body(function).operations):
            for operand in op.operation.operands:
                name = _parameter_read(operand)
                if name is not None:
                    position.setdefault(name, base + index)
    return position


def _parameter_read(value: Any) -> str | None:
    read = producer(value, "pock.read")
    return FlatSymbolRefAttr(read.attributes["parameter"]).value if read is not None else None
