"""Forms of `select_and_scatter`, which backends do not take where windows overlap."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Value
from pock_mlir.passes.kernels.form import Form
from pock_mlir.passes.windows import Windows, selected


def _adds_to_zeros(op: Any) -> bool:
    added = op.regions[1].blocks[0].operations[0].name == "stablehlo.add"
    return added and splat_of(op.operands[2]) == 0


def _places(b: Builder, op: Any) -> Value:
    """For each place of the windows, the source where that place was selected; their sum."""
    image, source, start = op.operands
    windows = Windows(op)
    index = selected(b, op, windows, shape_of(source))
    whole = shape_of(windows.padded(b, image, start))
    total = None
    for number, place in enumerate(windows.places(op)):
        here = b.compare("EQ", index, b.full_like(index, number))
        share = b.select(here, source, b.zeros_like(source))
        spread = windows.back(b, share, place, whole)
        total = spread if total is None else b.add(total, spread)
    assert total is not None, "a window has at least one place"
    return windows.unpadded(b, total)


FORMS = [Form("places", _adds_to_zeros, _places)]
