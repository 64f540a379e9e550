"""Optimizer updates. The learning rate is an operand, so it may change from step to step.

Each names the parameter it trains and the state it keeps, and covers the slice
[offsets, offsets + sizes) of the parameter; state has the shape of that slice. What `pock.update`
says of the gradient (`scale`, `clip_value`, `accumulated`) holds for every one of them.
"""

from typing import Any

from pock_mlir.dialects.pock.dialect import (
    Pock,
    int_array,
    last_operand_optional,
    require,
    require_range,
    require_scalar,
    verifier,
)
from pock_mlir.dialects.pock.update import verify_slice, verify_treatment
from pock_mlir.ir import FlatSymbolRefAttr, FloatAttr, IntegerAttr, RankedTensorType, ext

_INFINITY = float("inf")


def _verify_common(op: Any) -> None:
    verify_slice(op, op.gradient)
    require_scalar(op.learning_rate, "learning_rate")
    require_range(op, "weight_decay", 0.0, _INFINITY)
    verify_treatment(op)


@last_operand_optional
class SgdOp(Pock.Operation, name="sgd"):
    """w <- w - lr * (gradient + weight_decay * w)"""

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    scale: ext.Operand[RankedTensorType] | None
    parameter: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_common)


def _verify_momentum(op: "MomentumOp") -> None:
    _verify_common(op)
    require_range(op, "momentum", 0.0, 1.0)


@last_operand_optional
class MomentumOp(Pock.Operation, name="momentum"):
    """Heavy ball, or Nesterov's form of it, as PyTorch defines them (no dampening).

    g <- gradient + weight_decay * w;  m <- momentum * m + g
    w <- w - lr * (nesterov ? g + momentum * m : m)
    """

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    scale: ext.Operand[RankedTensorType] | None
    parameter: FlatSymbolRefAttr
    velocity: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    momentum: FloatAttr
    nesterov: IntegerAttr
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_momentum)


def _require_betas(op: Any) -> None:
    require_range(op, "beta1", 0.0, 1.0)
    require_range(op, "beta2", 0.0, 1.0)


def _verify_adam(op: Any) -> None:
    _verify_common(op)
    require_scalar(op.step, "step")
    _require_betas(op)
    require(op.epsilon.value > 0, f"'epsilon' must be positive, got {op.epsilon.value:g}")
    first, second = op.first_moment.value, op.second_moment.value
    require(first != second, f"both moments are kept in @{first}")


class _TwoMoments(Pock.Operation):
    """What Adam and AdamW have; no op of its own."""

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    step: ext.Operand[RankedTensorType]
    scale: ext.Operand[RankedTensorType] | None
    parameter: FlatSymbolRefAttr
    first_moment: FlatSymbolRefAttr
    second_moment: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    beta1: FloatAttr
    beta2: FloatAttr
    epsilon: FloatAttr
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_adam)


@last_operand_optional
class AdamOp(_TwoMoments, name="adam"):
    """Adam (Kingma & Ba 2015), weight decay as part of the gradient; `step` counts from 1.

    g <- gradient + weight_decay * w
    m <- beta1 * m + (1 - beta1) * g;  v <- beta2 * v + (1 - beta2) * g^2
    w <- w - lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
    """


@last_operand_optional
class AdamWOp(_TwoMoments, name="adamw"):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019); `step` counts from 1.

    w <- w * (1 - lr * weight_decay)
    m <- beta1 * m + (1 - beta1) * gradient;  v <- beta2 * v + (1 - beta2) * gradient^2
    w <- w - lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
    """


def _verify_lion(op: "LionOp") -> None:
    _verify_common(op)
    _require_betas(op)


@last_operand_optional
class LionOp(Pock.Operation, name="lion"):
    """Lion (Chen et al. 2023, arXiv 2302.06675): the sign of an average, decoupled weight decay.

    w <- w * (1 - lr * weight_decay)
    w <- w - lr * sign(beta1 * m + (1 - beta1) * gradient)
    m <- beta2 * m + (1 - beta2) * gradient
    """

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    scale: ext.Operand[RankedTensorType] | None
    parameter: FlatSymbolRefAttr
    first_moment: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    beta1: FloatAttr
    beta2: FloatAttr
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_lion)


_FACTORED = {"row_variance", "column_variance", "factors"}


def _verify_adafactor(op: "AdafactorOp") -> None:
    _verify_common(op)
    require_scalar(op.step, "step")
    decay = op.beta2_decay.value
    require(decay <= 0, f"'beta2_decay' must not be above 0, got {decay:g}")
    for name in ("epsilon1", "epsilon2", "threshold"):
        value = FloatAttr(op.attributes[name]).value
        require(value > 0, f"'{name}' must be positive, got {value:g}")
    given = {name for name in ("variance", *_FACTORED) if name in op.attributes}
    require(
        given in ({"variance"}, _FACTORED),
        "needs 'variance', or 'row_variance', 'column_variance' and 'factors'",
    )
    if "factors" in given:
        factors, rank = int_array(op, "factors"), len(int_array(op, "sizes"))
        fits = len(factors) == 2 and factors[0] != factors[1] and set(factors) <= set(range(rank))
        require(fits, f"'factors' must be two of the {rank} dimensions, got {factors}")


@last_operand_optional
class AdafactorOp(Pock.Operation, name="adafactor"):
    """Adafactor (Shazeer & Stern 2018, arXiv 1804.04235) as PyTorch has it; `step` counts from 1.

    The second moment of a matrix is the product of row and column means: `factors` are the two
    dimensions it is factored along, rows then columns (the last two of the framework's), and
    `row_variance` and `column_variance` have extent 1 along the other of the two. A vector has the
    attribute `variance` in their place, of the shape of the slice. A slice is a tensor of its own:
    means and norms are those of the slice.

    k <- step^beta2_decay;  a <- max(epsilon2, rms(w)) * min(lr, 1 / sqrt(step))
    w <- w * (1 - lr * weight_decay)
    r <- (1 - k) * r + k * mean over columns of gradient^2, and c over rows
    u <- gradient / sqrt(max(r * c / max(mean(r), epsilon1), epsilon1^2))
    w <- w - a / max(1, rms(u) / threshold) * u

    The gradient is needed three times (means, norm of the update, update), so that it is in memory
    while its own update runs, one weight at a time; the weight is updated in place all the same.
    """

    gradient: ext.Operand[RankedTensorType]
    learning_rate: ext.Operand[RankedTensorType]
    step: ext.Operand[RankedTensorType]
    scale: ext.Operand[RankedTensorType] | None
    parameter: FlatSymbolRefAttr
    offsets: Any
    sizes: Any
    beta2_decay: FloatAttr
    epsilon1: FloatAttr
    epsilon2: FloatAttr
    threshold: FloatAttr
    weight_decay: FloatAttr
    verify_invariants = verifier(_verify_adafactor)
