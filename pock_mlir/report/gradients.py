"""What gradients cost beyond being computed inside the kernel of their update."""

from __future__ import annotations

from typing import Any

from pock_mlir.ir import Block, OpResult
from pock_mlir.passes.liveness import BARRIER, READS_TWICE, byte_size
from pock_mlir.passes.update_rules import ACCUMULATE, OPTIMIZERS
from pock_mlir.report.operations import flops


def gradient_costs(block: Block) -> dict[str, int]:
    """Of the body of a training step, what is not zero of

    - "held": bytes of the gradients that are in memory until the norm of all is known, or, of
      Adafactor, while it needs them (one at a time);
    - "accumulated": bytes of the buffers that gradients are added up in;
    - "shards": bytes of the gradients of all shards, which are in memory until they are added;
    - "computed_twice": floating-point operations of the gradients that are computed a second time.
    """
    costs = {"held": 0, "accumulated": 0, "shards": 0, "computed_twice": 0}
    held: set[Any] = set()
    largest = 0  # of the gradients that only their own update reads again
    for op in (op.operation for op in block.operations):
        if op.name == "func.call":
            costs["shards"] += sum(map(byte_size, op.results))
        elif op.name == ACCUMULATE:
            costs["accumulated"] += byte_size(op.operands[0])
        elif op.name in OPTIMIZERS and "accumulated" not in op.attributes:
            gradient = op.operands[0]
            shared = len({use.owner.operation for use in gradient.uses}) > 1
            if shared and op.opview.scale is not None and gradient not in held:
                costs["held"] += byte_size(gradient)
            elif op.name == READS_TWICE:
                largest = max(largest, byte_size(gradient))
            held.add(gradient)
        elif any(_is_barrier(operand) for operand in op.operands):
            costs["computed_twice"] += flops(op)
    costs["held"] = max(costs["held"], largest)
    return {name: cost for name, cost in costs.items() if cost}


def _is_barrier(value: Any) -> bool:
    return isinstance(value, OpResult) and value.owner.operation.name == BARRIER
