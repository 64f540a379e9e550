"""Derivatives of fused losses."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.pock.loss import OPTIONS
from pock_mlir.ir import Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.registry import Cotangents, gradient


@gradient("pock.softmax_cross_entropy")
def softmax_cross_entropy(b: GradientBuilder, op: Any, dy: Value) -> Cotangents:
    """dlogits = dy * (softmax(logits) - one_hot(labels)) / rows, with the loss's options"""
    logits, labels = op.operands
    options = {name: op.attributes[name] for name in OPTIONS if name in op.attributes}
    name = "pock.softmax_cross_entropy_gradient"
    return b.create(name, [logits, labels, dy], [logits.type], options).results[0], None
