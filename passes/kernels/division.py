"""Divisions by what is repeated, as products with its inverse."""

from __future__ import annotations

import math
from typing import Any

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import Builder, is_complex, shape_of, type_of
from pock_mlir.ir import IntegerType, Value
from pock_mlir.passes.kernels.form import Form
from pock_mlir.passes.patterns import producer


def _divides_by_few(op: Any) -> bool:
    """Whether the divisor repeats fewer numbers than there are quotients."""
    divisor = producer(op.operands[1], "stablehlo.broadcast_in_dim")
    if divisor is None or splat_of(divisor.operands[0]) is not None or is_complex(op.result):
        return False
    if isinstance(type_of(op.result).element_type, IntegerType):
        return False
    return math.prod(shape_of(divisor.operands[0])) < math.prod(shape_of(op.result))


def _by_inverse(b: Builder, op: Any) -> Value:
    """x / spread(y) = x * spread(1 / y)

    Also, IREE's own form of a softmax that ends with a division takes twice as long as its parts.
    """
    x, divisor = op.operands[0], producer(op.operands[1], "stablehlo.broadcast_in_dim")
    assert divisor is not None, "legal"
    few = divisor.operands[0]
    inverse = b.divide(b.ones_like(few), few)
    spread = divisor.operation.clone(ip=b.insertion_point)
    spread.operands[0] = inverse
    return b.multiply(x, spread.results[0])


FORMS = [Form("inverse", _divides_by_few, _by_inverse)]
