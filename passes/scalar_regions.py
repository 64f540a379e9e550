"""Regions over scalars, such as those of reductions, applied to whole tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import RankedTensorType, Value
from pock_mlir.passes.base import PassError


def apply_elementwise(b: Builder, op: Any, region: int, values: Sequence[Value]) -> list[Value]:
    """What a region of `op`, over scalars, yields at every place of the tensors `values`.

    Raises:
        PassError: naming the ops of the region that are not elementwise.
    """
    block = op.regions[region].blocks[0]
    shape = shape_of(values[0])
    *inner, end = block.operations
    _require_elementwise(op, inner)
    mapped: dict[Value, Value] = dict(zip(block.arguments, values, strict=True))

    def spread(value: Value) -> Value:
        return mapped[value] if value in mapped else b.broadcast_in_dim(value, shape, [])

    for scalar in inner:
        if scalar.name == "stablehlo.constant":
            copy = scalar.operation.clone(ip=b.insertion_point)
            mapped[scalar.results[0]] = b.broadcast_in_dim(copy.results[0], shape, [])
            continue
        types = [RankedTensorType.get(shape, type_of(r).element_type) for r in scalar.results]
        attributes = {name: scalar.attributes[name] for name in scalar.attributes}
        copy = b.create(
            scalar.name, [spread(value) for value in scalar.operands], types, attributes
        )
        mapped.update(zip(scalar.results, copy.results, strict=True))
    return [spread(value) for value in end.operands]


_NOT_ELEMENTWISE = {
    "stablehlo.broadcast_in_dim",
    "stablehlo.iota",
    "stablehlo.reshape",
    "stablehlo.rng",
    "stablehlo.transpose",
}


def _require_elementwise(op: Any, inner: Sequence[Any]) -> None:
    problems = []
    for scalar in inner:
        ranks = {type_of(value).rank for value in [*scalar.operands, *scalar.results]}
        if ranks != {0} or scalar.name in _NOT_ELEMENTWISE or len(scalar.regions):
            problems.append((scalar.location, f"{scalar.name} in the region of {op.name}"))
    if problems:
        raise PassError(
            [
                (where, f"{what} has no derivative rule: it is not elementwise")
                for where, what in problems
            ]
        )
