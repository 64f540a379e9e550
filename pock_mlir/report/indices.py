"""Which inputs of a model are indices into a table, such as token ids, and how long that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Module, Operation, Value, stablehlo_bindings
from pock_mlir.rewriting import body, functions

_MOVES = (
    "stablehlo.broadcast_in_dim",
    "stablehlo.convert",
    "stablehlo.reshape",
    "stablehlo.slice",
    "stablehlo.transpose",
)
"""Ops whose result has the values of their operand."""


def index_limits(module: Module, inputs: Sequence[str]) -> dict[str, int]:
    """For each input of the model that is used as an index, what it must stay below.

    The first arguments of every function are the inputs. An index out of range is clamped by
    StableHLO's gather: it would train the wrong row.
    """
    limits: dict[str, int] = {}
    for function in functions(module):
        for name, argument in zip(inputs, body(function).arguments, strict=False):
            for limit in _limits(argument):
                limits[name] = min(limit, limits.get(name, limit))
    return limits


def _limits(value: Value) -> Iterator[int]:
    for use in value.uses:
        op: Any = use.owner
        if op.operation.name in _MOVES:
            yield from _limits(op.operation.results[0])
        elif op.operation.name == "stablehlo.gather" and use.operand_number == 1:
            yield from _gathered(op.operation)


def _gathered(op: Operation) -> Iterator[int]:
    """The limit of the indices of a gather along one dimension."""
    numbers = stablehlo_bindings.GatherDimensionNumbers(op.attributes["dimension_numbers"])
    indexed = list(numbers.start_index_map)
    if len(indexed) == 1:
        size = list(DenseI64ArrayAttr(op.attributes["slice_sizes"]))[indexed[0]]
        yield shape_of(op.operands[0])[indexed[0]] - size + 1
