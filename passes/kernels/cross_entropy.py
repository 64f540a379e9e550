"""Forms of the fused softmax-cross-entropy and of its gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pock_mlir.dialects.constants import constant
from pock_mlir.dialects.pock.loss import loss_element
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import F64Type, RankedTensorType, Value
from pock_mlir.passes.kernels.form import Form, always

_TINY = 1e-30
"""In the place of a divisor of 0: what it divides is 0 then."""


class _Terms:
    """What the loss and its gradient are made of.

    Where the classes are the last dimension, all others are one of rows. Nothing of the size of the
    logits is used twice but the logits: what is used twice, a backend stores.
    """

    def __init__(self, b: Builder, op: Any) -> None:
        self.b, self.op = b, op
        logits, labels, self.along = op.logits, op.labels, op.dimension
        shape = shape_of(logits)
        if self.along == len(shape) - 1:
            rows = math.prod(shape[:-1])
            logits, labels = b.reshape(logits, [rows, shape[-1]]), b.reshape(labels, [rows])
            self.along = 1
        self.logits, self.labels = b.convert(logits, loss_element(op.logits)), labels
        self.shape = shape_of(self.logits)
        self.rows = [i for i in range(len(self.shape)) if i != self.along]
        self.maximum = b.reduce("maximum", self.logits, [self.along])

    @property
    def classes(self) -> int:
        """How many there are."""
        return self.shape[self.along]

    def spread(self, rows: Value) -> Value:
        """One value per row, repeated along the classes."""
        return self.b.broadcast_in_dim(rows, self.shape, self.rows)

    def sum(self, values: Value) -> Value:
        """The sum over the classes."""
        return self.b.reduce_add(values, [self.along])

    def shifted(self) -> Value:
        """Logits less their row's maximum, so that no exponential overflows."""
        return self.b.subtract(self.logits, self.spread(self.maximum))

    def hot(self, values: Value) -> Value:
        """`values` at the labels, elsewhere 0."""
        element = type_of(self.labels).element_type
        classes = self.b.iota(RankedTensorType.get(self.shape, element), self.along)
        is_label = self.b.compare("EQ", classes, self.spread(self.labels))
        return self.b.select(is_label, values, self.b.zeros_like(values))

    def weights(self) -> Value | None:
        """The weight of each class, repeated along the rows."""
        if self.op.class_weights is None:
            return None
        element = type_of(self.logits).element_type
        wide = isinstance(element, F64Type)
        values = np.array(self.op.class_weights, np.float64 if wide else np.float32)
        array = constant(self.b, values, element)
        return self.b.broadcast_in_dim(array, self.shape, [self.along])

    def row_weights(self) -> Value | None:
        """The weight of each row's label, 0 where it is ignored; None where all are 1."""
        b, ignored, weights = self.b, self.op.ignore_index, self.weights()
        picked = None if weights is None else self.sum(self.hot(weights))
        if ignored is None:
            return picked
        ones = b.ones_like(self.maximum) if picked is None else picked
        is_ignored = b.compare("EQ", self.labels, b.full_like(self.labels, ignored))
        return b.select(is_ignored, b.zeros_like(ones), ones)

    def counted(self) -> Value | None:
        """1 for the rows that count, 0 for the others; None where all do."""
        b, ignored = self.b, self.op.ignore_index
        if ignored is None:
            return None
        is_ignored = b.compare("EQ", self.labels, b.full_like(self.labels, ignored))
        return b.select(is_ignored, b.zeros_like(self.maximum), b.ones_like(self.maximum))

    def smoothing(self) -> tuple[float, float]:
        """The share of the label, and that of each class."""
        share = self.op.label_smoothing
        return 1 - share, share / self.classes

    def scaled(self, values: Value, factor: float) -> Value:
        """`values` times a known number."""
        return values if factor == 1 else self.b.multiply(values, self.b.full_like(values, factor))

    def all_rows(self, values: Value) -> Value:
        """The sum of one value per row."""
        return self.b.reduce_add(values, list(range(len(self.rows))))


def _product(b: Builder, x: Value, y: Value | None) -> Value:
    return x if y is None else b.multiply(x, y)


def _loss(b: Builder, op: Any) -> Value:
    """With z = logits - max(logits): row = w * (log(sum(exp(z))) - z[label]), and smoothing."""
    t = _Terms(b, op)
    label_share, class_share = t.smoothing()
    log_sum = b.log(t.sum(b.exponential(t.shifted())))
    picked = b.subtract(t.sum(t.hot(t.logits)), t.maximum)
    weights = t.row_weights()
    rows = t.scaled(_product(b, b.subtract(log_sum, picked), weights), label_share)
    if class_share:
        total = sum(op.class_weights or [1.0] * t.classes)
        logs = t.sum(_product(b, t.shifted(), t.weights()))
        spread = b.subtract(t.scaled(log_sum, total), logs)
        rows = b.add(rows, t.scaled(_product(b, spread, t.counted()), class_share))
    if weights is None:
        count = math.prod(shape_of(rows))
        return b.multiply(t.all_rows(rows), b.scalar_like(rows, 1 / count))
    return b.divide(t.all_rows(rows), t.all_rows(weights))


def _gradient(b: Builder, op: Any) -> Value:
    """(softmax(logits) - one_hot(labels)) * w[label] * loss_gradient / sum(w), and smoothing."""
    t = _Terms(b, op)
    exponentials = b.exponential(t.shifted())
    total = t.sum(exponentials)
    softmax = b.multiply(exponentials, t.spread(b.divide(b.ones_like(total), total)))
    scale, weights = b.convert(op.loss_gradient, type_of(t.logits).element_type), t.row_weights()
    if weights is None:
        count = math.prod(shape_of(t.maximum))
        scale = b.multiply(scale, b.scalar_like(t.logits, 1 / count))
    else:
        total = t.all_rows(weights)
        scale = b.divide(scale, b.maximum(total, b.full_like(total, _TINY)))
    difference = _difference(b, t, softmax, weights)
    result = b.multiply(difference, b.broadcast_to(scale, t.logits))
    return b.reshape(b.convert(result, type_of(op.logits).element_type), shape_of(op.logits))


def _difference(b: Builder, t: _Terms, softmax: Value, weights: Value | None) -> Value:
    """softmax - one_hot, each row times its weight, with the shares of smoothing."""
    label_share, class_share = t.smoothing()
    if not class_share:
        difference = b.subtract(softmax, t.hot(b.ones_like(t.logits)))
        return difference if weights is None else b.multiply(difference, t.spread(weights))
    ones = b.ones_like(t.maximum)
    labelled = t.scaled(weights or ones, label_share)
    counted, total = t.counted(), sum(t.op.class_weights or [1.0] * t.classes)
    both = b.add(labelled, t.scaled(counted or ones, class_share * total))
    target = t.hot(t.spread(labelled))
    smooth = t.scaled(t.weights() or b.ones_like(t.logits), class_share)
    smooth = smooth if counted is None else b.multiply(smooth, t.spread(counted))
    return b.subtract(b.multiply(softmax, t.spread(both)), b.add(target, smooth))


LOSS_FORMS = [Form("log-sum-exp", always, _loss)]
GRADIENT_FORMS = [Form("softmax-minus-one-hot", always, _gradient)]
