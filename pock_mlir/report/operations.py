"""Count the operations of a step: forward, backward, update."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import Block, Operation, OpResult, Value, stablehlo_bindings
from pock_mlir.passes.base import PassError
from pock_mlir.passes.loops import CountedLoop
from pock_mlir.passes.lower_pock import OF_CONVOLUTIONS, geometry_of
from pock_mlir.passes.regions import reads
from pock_mlir.passes.update_rules import UPDATE_RULES
from pock_mlir.rewriting import body, callees

_NO_WORK = {
    "func.call",
    "pock.read",
    "stablehlo.broadcast_in_dim",
    "stablehlo.constant",
    "stablehlo.iota",
    "stablehlo.reshape",
}
"""Ops that no kernel is launched for."""


@dataclass
class Phase:
    """The work of one phase of a step.

    Attributes:
        ops: how many ops of each name.
        flops: floating-point operations; a multiply-add counts as two.
    """

    ops: Counter[str] = field(default_factory=Counter)
    flops: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For a manifest."""
        return {"ops": dict(self.ops), "flops": self.flops}


def count_operations(step: Any) -> dict[str, Phase]:
    """The phases `forward`, `backward` and `update` of a training step, calls included.

    Forward is what the loss needs, the first result; update are the optimizer's ops and
    assignments, backward is all the rest.
    """
    phases = {"forward": Phase(), "backward": Phase(), "update": Phase()}
    for function in (step, *callees(step)):
        ops = [op.operation for op in body(function).operations]
        forward = _needed(list(ops[-1].operands)[:1])
        for op in ops[:-1]:
            if op.name in _NO_WORK:
                continue
            updates = op.name in UPDATE_RULES or op.name in {"pock.assign", "pock.update"}
            phase = phases["update" if updates else "forward" if op in forward else "backward"]
            phase.ops[op.name] += 1
            phase.flops += flops(op)
    return phases


def _needed(roots: list[Value]) -> set[Operation]:
    """The ops that the values depend on."""
    seen: set[Operation] = set()
    pending = list(roots)
    while pending:
        value = pending.pop()
        if isinstance(value, OpResult) and value.owner.operation not in seen:
            seen.add(value.owner.operation)
            pending += reads(value.owner.operation)
    return seen


def flops(op: Operation) -> int:
    """Floating-point operations of one op; of a loop, those of all its trips; of branches, most."""
    if op.name == "stablehlo.while":
        return _trips(op) * _flops_of(op.regions[1].blocks[0])
    if op.name in {"stablehlo.if", "stablehlo.case"}:
        return max(_flops_of(region.blocks[0]) for region in op.regions)
    if op.name == "stablehlo.dot_general":
        numbers = stablehlo_bindings.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
        lhs = shape_of(op.operands[0])
        inner = math.prod(lhs[i] for i in numbers.lhs_contracting_dimensions)
        return 2 * inner * _elements(op.results[0])
    if op.name == "stablehlo.convolution":
        numbers = stablehlo_bindings.ConvDimensionNumbers(op.attributes["dimension_numbers"])
        kernel = shape_of(op.operands[1])
        outputs = kernel[numbers.kernel_output_feature_dimension]
        return 2 * _elements(op.results[0]) * (math.prod(kernel) // outputs)
    if op.name in OF_CONVOLUTIONS:
        return 2 * geometry_of(op.opview).multiplications
    if op.name in UPDATE_RULES:
        return 4 * len(UPDATE_RULES[op.name].states) * _elements(op.operands[0])
    if op.name.startswith("stablehlo.reduce"):
        return _elements(op.operands[0])
    return _elements(op.results[0]) if len(op.results) else 0


def _flops_of(block: Block) -> int:
    return sum(flops(op.operation) for op in block.operations if op.operation.name not in _NO_WORK)


def _trips(op: Operation) -> int:
    """How often a loop runs; once, if that is not known."""
    try:
        return CountedLoop.of(op).trips
    except PassError:
        return 1


def _elements(value: Value) -> int:
    return math.prod(shape_of(value))
