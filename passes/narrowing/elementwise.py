"""Narrowing elementwise ops and values without operands."""

from __future__ import annotations

from pock_mlir.dialects.stablehlo import ELEMENTWISE, shape_of
from pock_mlir.ir import DenseElementsAttr, IntegerAttr, Value
from pock_mlir.passes.narrowing.site import Site, narrows, resized


@narrows(*ELEMENTWISE)
def elementwise(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice every operand alike; scalar operands (a bound, a predicate) are for all elements."""
    operands = list(site.op.operands)
    rank = len(shape_of(site.op.results[0]))
    sliced = [
        site.take(value, dimension, start, stop) if len(shape_of(value)) == rank else value
        for value in operands
    ]
    return site.rebuild(sliced, dimension, stop - start)


@narrows("stablehlo.constant")
def constant(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """A splat is the same splat of a smaller type; other constants stay and are sliced."""
    value = DenseElementsAttr(site.op.attributes["value"])
    if not value.is_splat:
        return None
    type_ = resized(site.op.results[0], dimension, stop - start)
    splat = DenseElementsAttr.get_splat(type_, value.get_splat_value())
    return site.rebuild([], dimension, stop - start, value=splat)


@narrows("stablehlo.iota")
def iota(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Count from `start` when the counted dimension is sliced."""
    narrow = site.rebuild([], dimension, stop - start)
    if IntegerAttr(site.op.attributes["iota_dimension"]).value != dimension or start == 0:
        return narrow
    b = site.builder
    return b.add(narrow, b.full_like(narrow, start))
