"""unroll-loops: short loops become straight-line code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import InsertionPoint, Module
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.loops import CountedLoop
from pock_mlir.passes.regions import copy_body
from pock_mlir.rewriting import functions, nested_ops


@dataclass(frozen=True)
class UnrollLoops(ModulePass):
    """Repeats the body of every loop that is known to run at most `limit` times.

    Requires nothing. Ensures that no `stablehlo.while` is left whose counter starts, steps and ends
    at known numbers and takes at most `limit` values, but for one that would become more than
    `budget` ops; within the copies the counter is a constant. Layers that are rolled up into a loop
    become layers that a scheme and `narrow-gradients` can tell apart, and nothing has to be
    recorded for the gradient. Other loops are left as they are.

        %r:2 = stablehlo.while(%i = %c0, %x = %x0) : tensor<i32>, tensor<4xf32>
          cond { %i < 2 } do { %y = stablehlo.tanh %x; stablehlo.return %i + 1, %y }
      becomes
        %y0 = stablehlo.tanh %x0
        %y1 = stablehlo.tanh %y0
    """

    name: ClassVar[str] = "unroll-loops"
    limit: int = field(default=32, metadata={"help": "trips of the longest loop that is unrolled"})
    budget: int = field(default=4096, metadata={"help": "ops that one loop may become"})

    def run(self, module: Module) -> None:
        for function in functions(module):
            for op in list(_loops(function)):
                self._unroll(op)

    def _unroll(self, op: Any) -> None:
        try:
            loop = CountedLoop.of(op)
        except PassError:  # differentiate says so, if that matters
            return
        ops = sum(1 for _ in nested_ops(op))
        if loop.trips <= self.limit and loop.trips * ops <= self.budget:
            _repeat(loop)


def _loops(function: Any) -> Iterator[Any]:
    """The loops of a function, inner ones first."""
    ops = [op for op in nested_ops(function) if op.operation.name == "stablehlo.while"]
    return reversed(ops)


def _repeat(loop: CountedLoop) -> None:
    where = InsertionPoint(loop.op)
    b = Builder(where, loop.op.location)
    values = list(loop.op.operands)
    for number in loop.values():
        values[loop.counter] = b.full_like(values[loop.counter], number)
        _, values = copy_body(loop.body, where, dict(zip(loop.body.arguments, values, strict=True)))
    for result, value in zip(loop.op.results, values, strict=True):
        result.replace_all_uses_with(value)
    loop.op.operation.erase()
