"""Forms of the fused softmax-cross-entropy and of its gradient."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import RankedTensorType, Value
from pock_mlir.passes.kernels.form import Form, always


def _shifted(b: Builder, logits: Value) -> Value:
    """Logits less their row's maximum, so that no exponential overflows."""
    maximum = b.reduce("maximum", logits, [1])
    return b.subtract(logits, b.broadcast_in_dim(maximum, shape_of(logits), [0]))


def _is_label(b: Builder, logits: Value, labels: Value) -> Value:
    element = type_of(labels).element_type
    classes = b.iota(RankedTensorType.get(shape_of(logits), element), 1)
    return b.compare("EQ", classes, b.broadcast_in_dim(labels, shape_of(logits), [0]))


def _loss(b: Builder, op: Any) -> Value:
    """mean(log(sum(exp(z))) - z[label]), z = logits - max(logits)"""
    shifted = _shifted(b, op.logits)
    picked = b.select(_is_label(b, op.logits, op.labels), shifted, b.zeros_like(shifted))
    log_sum = b.log(b.reduce_add(b.exponential(shifted), [1]))
    losses = b.subtract(log_sum, b.reduce_add(picked, [1]))
    batch = shape_of(op.logits)[0]
    return b.multiply(b.reduce_add(losses, [0]), b.scalar_like(losses, 1 / batch))


def _gradient(b: Builder, op: Any) -> Value:
    """(softmax(logits) - one_hot(labels)) * loss_gradient / batch"""
    exponentials = b.exponential(_shifted(b, op.logits))
    shape = shape_of(op.logits)
    sums = b.broadcast_in_dim(b.reduce_add(exponentials, [1]), shape, [0])
    hot = b.select(
        _is_label(b, op.logits, op.labels), b.ones_like(op.logits), b.zeros_like(op.logits)
    )
    scale = b.multiply(op.loss_gradient, b.scalar_like(op.logits, 1 / shape[0]))
    difference = b.subtract(b.divide(exponentials, sums), hot)
    return b.multiply(difference, b.broadcast_to(scale, op.logits))


LOSS_FORMS = [Form("log-sum-exp", always, _loss)]
GRADIENT_FORMS = [Form("softmax-minus-one-hot", always, _gradient)]
