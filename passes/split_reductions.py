"""split-reductions: sums over many rows in stages that read memory in order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, Module, Value
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.rewriting import named_ops


@dataclass(frozen=True)
class SplitReductions(ModulePass):
    """Add up the leading dimensions of a large tensor `factor` blocks at a time.

    Requires nothing. A sum over leading dimensions, which the gradients of biases and of scales
    are, reads its matrix column by column when it is made in one go: a few numbers of every row.
    Added up as `factor` long vectors first it reads whole rows, 2 to 3 times as fast on a CPU, and
    what is left is `factor` times smaller. Ensures: such a sum is of fewer than `minimum` elements,
    or of a number of rows that `factor` does not divide. The order of additions changes.

        %r = stablehlo.reduce(%x) applies stablehlo.add across dimensions = [0]
               : tensor<4096x96xf32> -> tensor<96xf32>
    becomes
        %0 = stablehlo.reshape %x : (tensor<4096x96xf32>) -> tensor<8x49152xf32>
        %1 = stablehlo.reduce(%0) applies stablehlo.add across dimensions = [0]
        %2 = stablehlo.reshape %1 : (tensor<49152xf32>) -> tensor<512x96xf32>
        %r = stablehlo.reduce(%2) applies stablehlo.add across dimensions = [0]
    """

    name: ClassVar[str] = "split-reductions"
    factor: int = field(default=8, metadata={"help": "blocks that are added up at a time"})
    minimum: int = field(default=1 << 15, metadata={"help": "elements of a sum worth splitting"})

    def run(self, module: Module) -> None:
        if self.factor < 2:
            message = f"factor must be at least 2, got {self.factor}"
            raise PassError.at(module.operation, message)
        for op in named_ops(module, "stablehlo.reduce"):
            rows = _summed_rows(op)
            if rows and self._pays(rows, math.prod(shape_of(op.operands[0]))):
                self._split(op, rows)

    def _pays(self, rows: int, elements: int) -> bool:
        """Whether there is a first stage, and more than one row is left for the second."""
        return elements >= self.minimum and rows % self.factor == 0 and rows > self.factor

    def _split(self, op: Any, rows: int) -> None:
        b = Builder.before(op)
        value: Value = op.operands[0]
        columns = math.prod(shape_of(value)) // rows
        while self._pays(rows, rows * columns):
            rows //= self.factor
            blocks = b.reshape(value, [self.factor, rows * columns])
            value = b.reshape(b.reduce_add(blocks, [0]), [rows, columns])
        total = b.reduce_add(value, [0])
        op.results[0].replace_all_uses_with(b.reshape(total, shape_of(op.results[0])))
        op.operation.erase()


def _summed_rows(op: Any) -> int:
    """The product of the leading dimensions that `op` adds up, 0 for any other reduction."""
    body = op.operation.regions[0].blocks[0].operations
    if len(op.operands) != 2 or body[0].operation.name != "stablehlo.add" or len(body) != 2:
        return 0
    dimensions = list(DenseI64ArrayAttr(op.operation.attributes["dimensions"]))
    if dimensions != list(range(len(dimensions))):
        return 0
    return math.prod(shape_of(op.operands[0])[: len(dimensions)])
