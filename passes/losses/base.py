"""What a loss is: the targets that it wants, and how it is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Type, Value


class LossError(ValueError):
    """A loss does not fit the model's output, or its options do not fit."""


@dataclass(frozen=True)
class Options:
    """The options of all losses; which of them a loss takes, `Loss.options` says.

    Attributes:
        class_weights: the weight of each class.
        pos_weight: the weight of the positive targets: one for all, or one for each entry of the
            output's last dimension.
        label_smoothing: the share of a target that is spread over all classes.
        ignore_index: targets of this value do not count.
        axis: the dimension of the output that the classes lie along; negative from the end.
    """

    class_weights: tuple[float, ...] = ()
    pos_weight: tuple[float, ...] = ()
    label_smoothing: float = 0.0
    ignore_index: int | None = None
    axis: int = 1


@dataclass(frozen=True)
class Loss:
    """A kind of loss.

    Attributes:
        target_type: (the model's output, options) -> the type of the targets; raises LossError.
        build: (builder, output, targets, options) -> the loss, a scalar.
        options: the names of the options that it takes.
    """

    target_type: Callable[[Value, Options], Type]
    build: Callable[[Builder, Value, Value, Options], Value]
    options: frozenset[str] = frozenset()


def mean(b: Builder, values: Value) -> Value:
    """The mean of all elements."""
    shape = shape_of(values)
    total = b.reduce_add(values, list(range(len(shape))))
    return b.divide(total, b.scalar_like(values, math.prod(shape)))
