"""Optimizer updates. The learning rate is an operand, so it may change from step to step.

Each names the parameter it trains and the state it keeps, and covers the slice
[offsets, offsets + sizes) of the parameter; state has the shape of that slice.
"""

from typing import Any

from pock_mlir.dialects.pock.dialect import Pock, require, require_range, require_scalar, verifier
from pock_mlir.dialects.pock.state import verify_slice
from pock_mlir.ir import FlatSymbolRefAttr, FloatAttr, IntegerAttr, RankedTensorType, ext

_INFINITY = float("inf")


def _verify_common(op: Any) -> None:
    verify_slice(op, op.gradient)
    require_scalar(op.learning_rate, "learning_rate")
    require_range(op, "weight_decay", 0.0, _INFINITY)


class SgdOp(Pock.Operation, name="sgd"):
    """w <- w - lr * (gradient + weight_decay * w)"""

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    parameter: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_common)


def _verify_momentum(op: "MomentumOp") -> None:
    _verify_common(op)
    require_range(op, "momentum", 0.0, 1.0)


class MomentumOp(Pock.Operation, name="momentum"):
    """Heavy ball, or Nesterov's form of it, as PyTorch defines them (no dampening).

    g <- gradient + weight_decay * w;  m <- momentum * m + g
    w <- w - lr * (nesterov ? g + momentum * m : m)
    """

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    parameter: FlatSymbolRefAttr
    velocity: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    momentum: FloatAttr
    nesterov: IntegerAttr
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_momentum)


def _verify_adamw(op: "AdamWOp") -> None:
    _verify_common(op)
    require_scalar(op.step, "step")
    require_range(op, "beta1", 0.0, 1.0)
    require_range(op, "beta2", 0.0, 1.0)
    require(op.epsilon.value > 0, f"'epsilon' must be positive, got {op.epsilon.value:g}")
    first, second = op.first_moment.value, op.second_moment.value
    require(first != second, f"both moments are kept in @{first}")


class AdamWOp(Pock.Operation, name="adamw"):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019); `step` counts from 1.

    w <- w * (1 - lr * weight_decay)
    m <- beta1 * m + (1 - beta1) * gradient;  v <- beta2 * v + (1 - beta2) * gradient^2
    w <- w - lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
    """

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    step: ext.Operand[RankedTensorType]
    parameter: FlatSymbolRefAttr
    first_moment: FlatSymbolRefAttr
    second_moment: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    beta1: FloatAttr
    beta2: FloatAttr
    epsilon: FloatAttr
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_adamw)
