"""Recognise a softmax, and the maximum that it subtracts to keep its exponentials in range."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import DenseI64ArrayAttr, OpView, Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.matching import defining_op, is_made_by

_DIVIDE = "stablehlo.divide"


def softmax_of(b: GradientBuilder, divide: Any) -> tuple[Value, list[int]] | None:
    """What a division ends the softmax of, and over which dimensions: exp(z) / spread(sum(exp(z))).

    None where it is no softmax, or something else uses the exponentials or their sum.
    """
    if not is_made_by(divide.operands[0], "stablehlo.exponential"):
        return None
    exponential: Any = defining_op(divide.operands[0])
    if exponential.operation.block != divide.operation.block:
        return None  # a region must give its gradients by what it captures
    uses = _users_by_name(b, exponential.result)
    if set(uses) != {"stablehlo.reduce", _DIVIDE}:
        return None
    reduce = uses["stablehlo.reduce"]
    dimensions = list(DenseI64ArrayAttr(reduce.attributes["dimensions"]))
    spread = _spread_sum(b, reduce, dimensions)
    if spread is None or b.only_user(spread.results[0], _DIVIDE) != divide:
        return None
    return exponential.operands[0], dimensions


def is_softmax_shift(b: GradientBuilder, op: Any) -> bool:
    """Whether a reduction to a maximum only shifts a softmax or a log-softmax.

    Their result does not depend on the shift, so no gradient flows through it. That is so when
    `x - spread(max(x))` is used by

        softmax:      e = exp(.);  e / spread(sum(e))
        log-softmax:  . - spread(log(sum(exp(.))))

    and nothing else, with sums over the dimensions of the maximum.
    """
    x, dimensions = op.operands[0], list(DenseI64ArrayAttr(op.attributes["dimensions"]))
    spread = _spread(b, op.results[0])
    if spread is None or not _spreads_back(spread, x, dimensions):
        return False
    shifted = b.only_user(spread.results[0], "stablehlo.subtract")
    if shifted is None or shifted.operands[0] != x:
        return False
    return _is_softmax(b, shifted, dimensions) or _is_log_softmax(b, shifted, dimensions)


def _users_by_name(b: GradientBuilder, value: Value) -> dict[str, OpView]:
    """The users of `value` by name; empty when two have the same name."""
    found = b.users(value)
    named = {user.name: user for user in found}
    return named if len(named) == len(found) else {}


def _spread(b: GradientBuilder, value: Value) -> OpView | None:
    """The broadcast of `value`, from which dimensions of size 1 may have been dropped before."""
    reshape = b.only_user(value, "stablehlo.reshape")
    operand = value if reshape is None else reshape.results[0]
    return b.only_user(operand, "stablehlo.broadcast_in_dim")


def _spreads_back(broadcast: OpView, like: Value, dimensions: list[int]) -> bool:
    """Whether a broadcast repeats the result of a reduction along the reduced dimensions."""
    shape = shape_of(like)
    if shape_of(broadcast.results[0]) != shape:
        return False
    kept = [i for i in range(len(shape)) if i not in dimensions]
    mapped = list(DenseI64ArrayAttr(broadcast.attributes["broadcast_dimensions"]))
    exact = shape_of(broadcast.operands[0]) == [shape[i] for i in mapped]
    return exact and mapped in (kept, [i for i in kept if shape[i] != 1])


def _is_softmax(b: GradientBuilder, shifted: OpView, dimensions: list[int]) -> bool:
    exponential = b.only_user(shifted.results[0], "stablehlo.exponential")
    if exponential is None:
        return False
    divisions = [user for user in b.users(exponential.results[0]) if user.name == _DIVIDE]
    found = softmax_of(b, divisions[0]) if len(divisions) == 1 else None
    return found is not None and found[1] == dimensions


def _is_log_softmax(b: GradientBuilder, shifted: OpView, dimensions: list[int]) -> bool:
    uses = _users_by_name(b, shifted.results[0])
    if set(uses) != {"stablehlo.exponential", "stablehlo.subtract"}:
        return False
    reduce = b.only_user(uses["stablehlo.exponential"].results[0], "stablehlo.reduce")
    if reduce is None:
        return False
    spread = _spread_sum(b, reduce, dimensions, "stablehlo.log")
    subtract = uses["stablehlo.subtract"]
    return (
        spread is not None
        and b.only_user(spread.results[0], "stablehlo.subtract") == subtract
        and subtract.operands[0] == shifted.results[0]
    )


def _spread_sum(
    b: GradientBuilder, reduce: Any, dimensions: list[int], *chain: str
) -> OpView | None:
    """The broadcast of a sum over `dimensions`, by way of the ops of `chain`."""
    if len(reduce.operands) != 2 or not _is_sum_over(reduce, dimensions):
        return None
    op: OpView | None = reduce
    for name in chain:
        op = b.only_user(op.results[0], name) if op is not None else None
    op = _spread(b, op.results[0]) if op is not None else None
    if op is None or not _spreads_back(op, reduce.operands[0], dimensions):
        return None
    return op


def _is_sum_over(reduce: Any, dimensions: list[int]) -> bool:
    body = reduce.regions[0].blocks[0].operations
    over = list(DenseI64ArrayAttr(reduce.attributes["dimensions"]))
    return over == dimensions and body[0].name == "stablehlo.add"
