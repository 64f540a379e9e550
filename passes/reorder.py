"""`reorder`: schedule a step for least peak memory."""

from __future__ import annotations

from dataclasses import dataclass

from pock_mlir.ir import Block, Module, Operation
from pock_mlir.passes.base import ModulePass
from pock_mlir.passes.liveness import Kernel, Kernels


@dataclass(frozen=True)
class Reorder(ModulePass):
    """Reorder the ops of every function so that less memory is alive at once.

    Requires: nothing. Ensures: the same ops in an order whose peak, by the live ranges of
    `pock_mlir.passes.liveness`, is at most that of the order before, unless updates stood before
    readers there; an update stands behind all ops that read the parameter it writes, so that
    executing it in place needs no copy.

    A list scheduler runs, among the kernels that are ready, the one that frees most memory; so
    updates come as soon as their gradients are there. The result competes with the given order plus
    early updates; the least peak wins.
    """

    name = "reorder"

    def run(self, module: Module) -> None:
        """Schedule every function of the module."""
        for op in module.body.operations:
            if op.operation.name == "func.func":
                for block in op.operation.regions[0].blocks:
                    _schedule(block)


def _schedule(block: Block) -> None:
    kernels = Kernels.of(block)
    after = _dependencies(kernels)
    candidates = [
        _list_schedule(kernels, after, greedy=True),
        _list_schedule(kernels, after, greedy=False),
    ]
    best = min(candidates, key=kernels.peak)
    _apply(block, best)


def _dependencies(kernels: Kernels) -> dict[Kernel, set[Kernel]]:
    """What must run before each kernel: its inputs, and the readers of what it overwrites.

    Two updates may read what the other one writes. The one that comes first then stays first.
    """
    readers: dict[str, set[Kernel]] = {}
    for kernel in kernels.kernels:
        for name in kernel.reads:
            readers.setdefault(name, set()).add(kernel)
    after = {}
    for kernel in kernels.kernels:
        before = set(kernel.inputs)
        for name in kernel.writes:
            found = readers.get(name, ())
            before |= {r for r in found if not r.writes or r.index < kernel.index}
        after[kernel] = before - {kernel}
    return after


def _list_schedule(
    kernels: Kernels, after: dict[Kernel, set[Kernel]], *, greedy: bool
) -> list[Kernel]:
    """Repeatedly run a ready kernel.

    `greedy`: the one that adds least memory; else an update if there is one, else the next one in
    program order.
    """
    waiting = {kernel: len(before) for kernel, before in after.items()}
    followers: dict[Kernel, list[Kernel]] = {kernel: [] for kernel in after}
    for kernel, before in after.items():
        for each in before:
            followers[each].append(kernel)
    pending = {k: len(k.users) + (k in kernels.returned) for k in kernels.kernels}

    def growth(kernel: Kernel) -> int:
        freed = sum(source.bytes for source in kernel.inputs if pending[source] == 1)
        return kernel.bytes - freed

    def rank(kernel: Kernel) -> tuple[int, int]:
        if greedy:
            return (growth(kernel), kernel.index)
        return (0 if kernel.writes else 1, kernel.index)

    ready = {kernel for kernel, count in waiting.items() if count == 0}
    order: list[Kernel] = []
    while ready:
        chosen = min(ready, key=rank)
        ready.remove(chosen)
        order.append(chosen)
        for source in chosen.inputs:
            pending[source] -= 1
        for follower in followers[chosen]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                ready.add(follower)
    assert len(order) == len(kernels.kernels), "the dependencies of a block have no cycle"
    return order


def _apply(block: Block, order: list[Kernel]) -> None:
    """Move the ops of each kernel, with what it recomputes, to the end of the block in turn."""
    terminator = list(block.operations)[-1]
    placed: set[Operation] = set()
    for kernel in order:
        for op in kernel.ops:
            if op not in placed:
                op.move_before(terminator)
                placed.add(op)
    for op in list(block.operations)[:-1]:
        if op.operation not in placed:  # feeds the terminator only
            op.operation.move_before(terminator)
            placed.add(op.operation)
