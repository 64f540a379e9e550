"""The division of a softmax, as a product with the inverse of the sum."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import Builder, type_of
from pock_mlir.ir import F32Type, F64Type, Value
from pock_mlir.passes.kernels.form import Form
from pock_mlir.passes.patterns import producer, unreshaped


def _ends_softmax(op: Any) -> bool:
    """Whether exponentials are divided by their sum.

    Other divisions stay: 41 * (1 / 41) is less than 1, and whoever rounds a quotient sees that.
    """
    exponentials = op.operands[0]
    divisor = producer(op.operands[1], "stablehlo.broadcast_in_dim")
    if divisor is None:
        return False
    reduce = producer(unreshaped(divisor.operands[0]), "stablehlo.reduce")
    return (
        isinstance(type_of(op.result).element_type, F32Type | F64Type)
        and producer(exponentials, "stablehlo.exponential") is not None
        and reduce is not None
        and reduce.operands[0] == exponentials
    )


def _by_inverse(b: Builder, op: Any) -> Value:
    """e / spread(sum(e)) = e * spread(1 / sum(e))

    IREE's own form of a softmax that ends with a division takes twice as long as its parts.
    """
    divisor: Any = producer(op.operands[1], "stablehlo.broadcast_in_dim")
    few = divisor.operands[0]
    inverse = b.divide(b.ones_like(few), few)
    spread = divisor.operation.clone(ip=b.insertion_point)
    spread.operands[0] = inverse
    return b.multiply(op.operands[0], spread.results[0])


FORMS = [Form("inverse", _ends_softmax, _by_inverse)]
