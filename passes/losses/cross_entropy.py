"""Cross-entropy of logits and integer labels: of classes, and of the next token."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.pock.loss import loss_element
from pock_mlir.dialects.stablehlo import Builder, i64, shape_of, type_of
from pock_mlir.ir import (
    DenseF64ArrayAttr,
    F64Type,
    FloatAttr,
    IntegerType,
    RankedTensorType,
    Type,
    Value,
)
from pock_mlir.passes.losses.base import Loss, LossError, Options

NO_TARGET = -100
"""The label of tokens that have no successor; PyTorch's ignore_index."""


def _axis(output: Value, options: Options) -> int:
    rank = len(shape_of(output))
    axis = options.axis + rank if options.axis < 0 else options.axis
    if rank < 2 or not 0 <= axis < rank:
        wanted = "[batch, classes] or [batch, classes, ...]"
        if options.axis != 1:
            wanted = f"a batch and classes along axis {options.axis}"
        raise LossError(f"cross-entropy needs an output of {wanted}, got {output.type}")
    return axis


def _labels(output: Value, options: Options) -> Type:
    axis, shape = _axis(output, options), shape_of(output)
    classes = shape.pop(axis)
    if options.class_weights and len(options.class_weights) != classes:
        raise LossError(
            f"class-weights must have {classes} numbers, one for each class of the output "
            f"{output.type}, got {len(options.class_weights)}"
        )
    return RankedTensorType.get(shape, IntegerType.get_signless(32))


def _cross_entropy(b: Builder, output: Value, labels: Value, options: Options) -> Value:
    return _fused(b, output, labels, _axis(output, options), options)


def _fused(b: Builder, output: Value, labels: Value, axis: int, options: Options) -> Value:
    attributes: dict[str, Any] = {}
    if axis != len(shape_of(output)) - 1:
        attributes["dimension"] = i64(axis)
    if options.ignore_index is not None:
        attributes["ignore_index"] = i64(options.ignore_index)
    if options.class_weights:
        attributes["class_weights"] = DenseF64ArrayAttr.get(list(options.class_weights))
    if options.label_smoothing:
        attributes["label_smoothing"] = FloatAttr.get(F64Type.get(), options.label_smoothing)
    scalar = RankedTensorType.get([], loss_element(output))
    name = "pock.softmax_cross_entropy"
    return b.create(name, [output, labels], [scalar], attributes).results[0]


def _token_ids(output: Value, options: Options) -> Type:
    del options
    shape = shape_of(output)
    if len(shape) != 3 or shape[1] < 2:
        raise LossError(
            "causal-lm needs an output of [batch, tokens, vocabulary] with two tokens or more, got "
            f"{output.type}"
        )
    return RankedTensorType.get(shape[:2], IntegerType.get_signless(32))


def _next_token(b: Builder, output: Value, tokens: Value, options: Options) -> Value:
    """The labels move, not the logits: a slice of those would be a copy.

    The last token, which has no successor, does not count.
    """
    ignored = NO_TARGET if options.ignore_index is None else options.ignore_index
    batch, length = shape_of(tokens)
    successors = b.slice(tokens, [0, 1], [batch, length])
    none = b.splat(ignored, RankedTensorType.get([batch, 1], type_of(tokens).element_type))
    labels = b.concatenate([successors, none], 1)
    return _fused(b, output, labels, 2, Options(ignore_index=ignored))


CROSS_ENTROPY = Loss(
    _labels,
    _cross_entropy,
    frozenset({"class_weights", "label_smoothing", "ignore_index", "axis"}),
)
CAUSAL_LM = Loss(_token_ids, _next_token, frozenset({"ignore_index"}))
