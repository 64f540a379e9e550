"""Binary cross-entropy of logits, as PyTorch's binary_cross_entropy_with_logits."""

from __future__ import annotations

import numpy as np

from pock_mlir.dialects.constants import constant
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import FloatType, Type, Value
from pock_mlir.passes.losses.base import Loss, LossError, Options, mean


def _like_output(output: Value, options: Options) -> Type:
    shape, given = shape_of(output), len(options.pos_weight)
    if given > 1 and (not shape or shape[-1] != given):
        raise LossError(
            f"pos-weight must be one number, or one for each of the output's last dimension; got "
            f"{given} for {output.type}"
        )
    return output.type


def _build(b: Builder, output: Value, targets: Value, options: Options) -> Value:
    """mean((1 - y) * x + (1 + (p - 1) * y) * softplus(-x)), y the target, p its weight."""
    terms = _softplus_of_negative(b, output)
    if options.pos_weight:
        extra = b.multiply(_spread(b, [p - 1 for p in options.pos_weight], output), targets)
        terms = b.multiply(b.add(b.ones_like(extra), extra), terms)
    left = b.subtract(b.ones_like(targets), targets)
    return mean(b, b.add(b.multiply(left, output), terms))


def _softplus_of_negative(b: Builder, x: Value) -> Value:
    """log(1 + exp(-x)) = (|x| - x) / 2 + log1p(exp(-|x|)): no overflow, derivative -1/2 at 0."""
    size = b.create("stablehlo.abs", [x], [x.type]).results[0]
    linear = b.multiply(b.subtract(size, x), b.full_like(x, 0.5))
    decay = b.exponential(b.negate(size))
    return b.add(linear, b.create("stablehlo.log_plus_one", [decay], [x.type]).results[0])


def _spread(b: Builder, values: list[float], like: Value) -> Value:
    """One number, or one for each entry of the last dimension, in the shape of `like`."""
    if len(values) == 1:
        return b.full_like(like, values[0])
    element, shape = type_of(like).element_type, shape_of(like)
    wide = isinstance(element, FloatType) and element.width == 64
    array = constant(b, np.array(values, np.float64 if wide else np.float32), element)
    return b.broadcast_in_dim(array, shape, [len(shape) - 1])


BINARY_CROSS_ENTROPY = Loss(_like_output, _build, frozenset({"pos_weight"}))
