"""Derivatives of fused losses."""

from __future__ import annotations

from typing import Any

from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@gradient("pock.softmax_cross_entropy")
def softmax_cross_entropy(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """dlogits = dy * (softmax(logits) - one_hot(labels)) / batch"""
    logits, labels = op.operands
    dx = b.create("pock.softmax_cross_entropy_gradient", [logits, labels, dy], [logits.type])
    return dx.results[0], None
