"""Softmax and cross-entropy in one op, so that neither is computed twice or unstably."""

import math
from typing import Any

from pock_mlir.dialects.pock.dialect import Pock, require, require_scalar, tensor_type, verifier
from pock_mlir.ir import (
    DenseF64ArrayAttr,
    F32Type,
    FloatAttr,
    FloatType,
    IntegerAttr,
    IntegerType,
    RankedTensorType,
    Type,
    Value,
    ext,
)

OPTIONS = ("dimension", "ignore_index", "class_weights", "label_smoothing")
"""The optional attributes of the loss, which its gradient has too."""


def _dimension(op: Any) -> int:
    """The dimension of the logits that the classes lie along."""
    if "dimension" not in op.attributes:
        return RankedTensorType(op.logits.type).rank - 1
    return IntegerAttr(op.attributes["dimension"]).value


def _ignore_index(op: Any) -> int | None:
    """The label of rows that do not count."""
    given = "ignore_index" in op.attributes
    return IntegerAttr(op.attributes["ignore_index"]).value if given else None


def _class_weights(op: Any) -> list[float] | None:
    """The weight of each class."""
    given = "class_weights" in op.attributes
    return list(DenseF64ArrayAttr(op.attributes["class_weights"])) if given else None


def _label_smoothing(op: Any) -> float:
    """The share of the target that is spread over all classes."""
    given = "label_smoothing" in op.attributes
    return FloatAttr(op.attributes["label_smoothing"]).value if given else 0.0


def loss_element(logits: Value) -> Type:
    """The element type that the loss of `logits` is computed in: f32, or that of wider logits."""
    element = RankedTensorType(logits.type).element_type
    narrow = isinstance(element, FloatType) and element.width < 32
    return F32Type.get(logits.context) if narrow else element


def _verify_operands(op: Any) -> None:
    logits, labels = tensor_type(op.logits, "logits"), tensor_type(op.labels, "labels")
    require(logits.rank >= 2, f"logits must have rows and classes, got {logits}")
    require(isinstance(logits.element_type, FloatType), f"logits must be floats, got {logits}")
    require(
        0 <= op.dimension < logits.rank,
        f"'dimension' must be one of the {logits.rank} of logits, got {op.dimension}",
    )
    rows = [size for i, size in enumerate(logits.shape) if i != op.dimension]
    require(
        list(labels.shape) == rows,
        f"labels must have one entry per row of logits, got {labels} for {logits}",
    )
    require(isinstance(labels.element_type, IntegerType), f"labels must be integers, got {labels}")
    _verify_options(op, logits.shape[op.dimension])


def _verify_options(op: Any, classes: int) -> None:
    smoothing, weights = op.label_smoothing, op.class_weights
    require(0 <= smoothing <= 1, f"'label_smoothing' must be in [0, 1], got {smoothing:g}")
    if weights is not None:
        require(
            len(weights) == classes,
            f"'class_weights' must have {classes} entries, one per class, got {len(weights)}",
        )
        require(
            all(0 <= weight < math.inf for weight in weights),
            f"'class_weights' must be finite and not negative, got {weights}",
        )


def _verify_loss(op: "SoftmaxCrossEntropyOp") -> None:
    _verify_operands(op)
    require_scalar(op.loss, "loss")
    element = loss_element(op.logits)
    require(
        RankedTensorType(op.loss.type).element_type == element,
        f"loss must be a tensor<{element}>, got {op.loss.type}",
    )


class SoftmaxCrossEntropyOp(Pock.Operation, name="softmax_cross_entropy", traits=[ext.Pure]):
    """Mean of -log softmax(logits)[label] over the rows that count, as PyTorch defines it.

    `logits` have the classes along `dimension`, the last one where the attribute is absent;
    `labels` have the shape of the other dimensions. Further attributes, all optional: rows whose
    label is `ignore_index` do not count; `class_weights`, an `array<f64>`, has the weight w of each
    class; `label_smoothing` is the share s of a target that is spread over all n classes.

    row <- (1 - s) * w[label] * -logp[label] + s / n * sum(w * -logp)
    loss <- sum(row) / sum(w[label])

    over the rows that count; NaN where none does, whose gradient is 0. The loss is f32 where
    the logits are narrower, else it has their element type.
    """

    logits: ext.Operand[RankedTensorType]
    labels: ext.Operand[RankedTensorType]
    loss: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_loss)
    dimension = property(_dimension)
    ignore_index = property(_ignore_index)
    class_weights = property(_class_weights)
    label_smoothing = property(_label_smoothing)


def _verify_gradient(op: "SoftmaxCrossEntropyGradientOp") -> None:
    _verify_operands(op)
    require_scalar(op.loss_gradient, "loss_gradient")
    require(
        op.logits_gradient.type == op.logits.type,
        f"logits_gradient must have the type of logits, {op.logits.type}",
    )


class SoftmaxCrossEntropyGradientOp(
    Pock.Operation, name="softmax_cross_entropy_gradient", traits=[ext.Pure]
):
    """The gradient of `pock.softmax_cross_entropy`, of the same attributes, by its logits.

    Without attributes it is loss_gradient * (softmax(logits) - one_hot(labels)) / rows.
    """

    logits: ext.Operand[RankedTensorType]
    labels: ext.Operand[RankedTensorType]
    loss_gradient: ext.Operand[RankedTensorType]
    logits_gradient: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_gradient)
    dimension = property(_dimension)
    ignore_index = property(_ignore_index)
    class_weights = property(_class_weights)
    label_smoothing = property(_label_smoothing)
