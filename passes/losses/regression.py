"""Losses of real-valued targets, of the shape of the output: the mean over all elements."""

from __future__ import annotations

from pock_mlir.dialects.stablehlo import Builder
from pock_mlir.ir import Type, Value
from pock_mlir.passes.losses.base import Loss, Options, mean


def _like_output(output: Value, options: Options) -> Type:
    del options
    return output.type


def _mean_squared_error(b: Builder, output: Value, targets: Value, options: Options) -> Value:
    """mean((output - target)^2)"""
    del options
    difference = b.subtract(output, targets)
    return mean(b, b.multiply(difference, difference))


def _mean_absolute_error(b: Builder, output: Value, targets: Value, options: Options) -> Value:
    """mean(|output - target|); its derivative where they are equal is 0."""
    del options
    difference = b.subtract(output, targets)
    return mean(b, b.create("stablehlo.abs", [difference], [difference.type]).results[0])


MSE = Loss(_like_output, _mean_squared_error)
L1 = Loss(_like_output, _mean_absolute_error)
