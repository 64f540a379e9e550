"""Forms of the gradient of max-pooling."""

from __future__ import annotations

import itertools
import math
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Value
from pock_mlir.passes.kernels.form import Form, always, ints


def _taps(b: Builder, op: Any) -> Value:
    """For each place of the window: dy where this place is the window's first maximum."""
    window, strides = ints(op, "window_dimensions"), ints(op, "window_strides")
    low, high = ints(op, "padding_low"), ints(op, "padding_high")
    image = b.pad(op.image, low, high, value=-math.inf)
    size, pooled = shape_of(image), shape_of(op.pooled)
    nothing = b.zeros_like(op.output_gradient)
    taken = total = None
    for place in itertools.product(*(range(n) for n in window)):
        reach = [(n - 1) * stride + 1 for n, stride in zip(pooled, strides, strict=True)]
        limit = [first + extent for first, extent in zip(place, reach, strict=True)]
        is_maximum = b.compare("EQ", b.slice(image, place, limit, strides), op.pooled)
        first = is_maximum if taken is None else b.logical_and(is_maximum, b.logical_not(taken))
        taken = is_maximum if taken is None else b.logical_or(taken, is_maximum)
        share = b.pad(
            b.select(first, op.output_gradient, nothing),
            [start - lo for start, lo in zip(place, low, strict=True)],
            [n - stop - hi for n, stop, hi in zip(size, limit, high, strict=True)],
            [stride - 1 for stride in strides],
        )
        total = share if total is None else b.add(total, share)
    assert total is not None
    return total


FORMS = [Form("taps", always, _taps)]
