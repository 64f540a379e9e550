"""Narrowing windowed ops, along dimensions in which the window is a single place."""

from __future__ import annotations

from typing import Any

import numpy as np

from pock_mlir.ir import DenseIntElementsAttr, Value
from pock_mlir.passes.narrowing.site import Site, ints, narrows


def _untouched(op: Any, dimension: int, *names: str) -> bool:
    """Whether the attributes, where given, are 1 in a dimension."""
    return all(ints(op, name)[dimension] == 1 for name in names if name in op.attributes)


@narrows("stablehlo.reduce_window")
def reduce_window(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice the operand alike; only for the reduction of one tensor."""
    op = site.op
    if len(op.results) != 1 or not _untouched(
        op,
        dimension,
        "window_dimensions",
        "window_strides",
        "base_dilations",
        "window_dilations",
    ):
        return None
    if "padding" in op.attributes:
        padding = np.array(DenseIntElementsAttr(op.attributes["padding"])).reshape(-1, 2)
        if padding[dimension].any():
            return None
    operand, initial = op.operands
    piece = site.take(operand, dimension, start, stop)
    return site.rebuild([piece, initial], dimension, stop - start)


@narrows("pock.max_pool_gradient")
def max_pool_gradient(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice all of image, pooled and output_gradient alike."""
    op = site.op
    padding = ints(op, "padding_low")[dimension] or ints(op, "padding_high")[dimension]
    if padding or not _untouched(op, dimension, "window_dimensions", "window_strides"):
        return None
    pieces = [site.take(value, dimension, start, stop) for value in op.operands]
    return site.rebuild(pieces, dimension, stop - start)
