"""Copies that arrange an operand of a product, kept apart from what IREE would fuse with them."""

from __future__ import annotations

from typing import Any

from pock_mlir.backends.iree.contraction import barrier
from pock_mlir.dialects.stablehlo import ELEMENTWISE, Builder
from pock_mlir.ir import DenseI64ArrayAttr, Module, OpResult, Value
from pock_mlir.passes.kernels.contraction import tile_of
from pock_mlir.passes.patterns import producer, unreshaped
from pock_mlir.rewriting import VIEWS, named_ops, replace_op


def separate_arrangements(module: Module) -> None:
    """Keep apart every transpose whose result only products with tiles read, or of such a product.

    IREE copies runs, or turns squares in registers, but not with an elementwise op fused in.
    """
    for op in named_ops(module, "stablehlo.transpose"):
        (result,), (operand,) = op.operation.results, op.operation.operands
        for_tiles = _is_for_tiles(result)
        if list(result.uses) and (for_tiles or _is_by_tiles(operand)):
            b = Builder.before(op)
            permutation = list(DenseI64ArrayAttr(op.operation.attributes["permutation"]))
            y = b.transpose(_apart(b, operand), permutation)
            replace_op(op, y if for_tiles else barrier(b, y))


def _is_for_tiles(value: Value) -> bool:
    for use in value.uses:
        op = use.owner.operation
        if op.name in VIEWS:
            if not _is_for_tiles(op.results[0]):
                return False
        elif op.name != "stablehlo.dot_general" or tile_of(op) is None:
            return False
    return True


def _is_by_tiles(value: Value) -> bool:
    product = producer(unreshaped(value), "stablehlo.dot_general")
    return product is not None and tile_of(product) is not None


def _apart(b: Builder, value: Value) -> Value:
    """What is computed in a kernel of its own; a parameter, IREE would copy behind a barrier."""
    source: Any = unreshaped(value)
    computed = isinstance(source, OpResult) and source.owner.operation.name in ELEMENTWISE
    return barrier(b, value) if computed else value
