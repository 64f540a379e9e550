"""Softmax and cross-entropy in one op, so that neither is computed twice or unstably."""

from pock_mlir.dialects.pock.dialect import Pock, require, require_scalar, tensor_type, verifier
from pock_mlir.ir import IntegerType, RankedTensorType, Value, ext


def _verify_operands(logits: Value, labels: Value) -> None:
    logits_type, labels_type = tensor_type(logits, "logits"), tensor_type(labels, "labels")
    require(logits_type.rank == 2, f"logits must be [batch, classes], got {logits_type}")
    require(
        list(labels_type.shape) == [logits_type.shape[0]],
        f"labels must have one entry per row of logits, got {labels_type} for {logits_type}",
    )
    require(
        isinstance(labels_type.element_type, IntegerType),
        f"labels must be integers, got {labels_type}",
    )


def _verify_loss(op: "SoftmaxCrossEntropyOp") -> None:
    _verify_operands(op.logits, op.labels)
    require_scalar(op.loss, "loss")


class SoftmaxCrossEntropyOp(Pock.Operation, name="softmax_cross_entropy", traits=[ext.Pure]):
    """Mean over the batch of -log softmax(logits)[label]."""

    logits: ext.Operand[RankedTensorType]
    labels: ext.Operand[RankedTensorType]
    loss: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_loss)


def _verify_gradient(op: "SoftmaxCrossEntropyGradientOp") -> None:
    _verify_operands(op.logits, op.labels)
    require_scalar(op.loss_gradient, "loss_gradient")
    require(
        op.logits_gradient.type == op.logits.type,
        f"logits_gradient must have the type of logits, {op.logits.type}",
    )


class SoftmaxCrossEntropyGradientOp(
    Pock.Operation, name="softmax_cross_entropy_gradient", traits=[ext.Pure]
):
    """loss_gradient * (softmax(logits) - one_hot(labels)) / batch"""

    logits: ext.Operand[RankedTensorType]
    labels: ext.Operand[RankedTensorType]
    loss_gradient: ext.Operand[RankedTensorType]
    logits_gradient: ext.Result[RankedTensorType]
    verify_invariants = verifier(_verify_gradient)
