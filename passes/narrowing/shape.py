"""Narrowing ops that only move elements."""

from __future__ import annotations

import math

from pock_mlir.dialects.stablehlo import i64s, shape_of
from pock_mlir.ir import IntegerAttr, Value
from pock_mlir.passes.narrowing.site import Site, ints, narrows, slice_bounds


@narrows("stablehlo.transpose")
def transpose(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Dimension i of the result is dimension permutation[i] of the operand."""
    source = ints(site.op, "permutation")[dimension]
    operand = site.take(site.op.operands[0], source, start, stop)
    return site.rebuild([operand], dimension, stop - start)


@narrows("stablehlo.broadcast_in_dim")
def broadcast_in_dim(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice the operand where it has the dimension; repeat it less often where it has not."""
    operand = site.op.operands[0]
    targets = ints(site.op, "broadcast_dimensions")
    if dimension in targets:
        source = targets.index(dimension)
        if shape_of(operand)[source] != 1:
            operand = site.take(operand, source, start, stop)
    return site.rebuild([operand], dimension, stop - start)


@narrows("stablehlo.reshape")
def reshape(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Legal when the slice is one contiguous range of whole places of one operand dimension.

    Both shapes are cut into groups of dimensions of equal product. The slice must be of the first
    dimension of its group that is not 1; in elements, it then is a range of the group, which must
    fall on whole places of the operand's first such dimension.
    """
    operand = site.op.operands[0]
    before, after = shape_of(operand), shape_of(site.op.results[0])
    for sources, targets in _groups(before, after):
        if dimension not in targets:
            continue
        source = next((i for i in sources if before[i] != 1), None)
        if source is None or dimension != next(i for i in targets if after[i] != 1):
            return None
        inner = math.prod(after[i] for i in targets if i > dimension)
        place = math.prod(before[i] for i in sources if i > source)
        first, last = start * inner, stop * inner
        if first % place or last % place:
            return None
        piece = site.take(operand, source, first // place, last // place)
        return site.rebuild([piece], dimension, stop - start)
    return None


def _groups(before: list[int], after: list[int]) -> list[tuple[list[int], list[int]]]:
    """The finest cut of two shapes into groups of dimensions of equal product."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) and j < len(after):
        sources, targets = [i], [j]
        left, right = before[i], after[j]
        while left != right:
            if left < right:
                i += 1
                sources.append(i)
                left *= before[i]
            else:
                j += 1
                targets.append(j)
                right *= after[j]
        groups.append((sources, targets))
        i, j = i + 1, j + 1
    return groups


@narrows("stablehlo.reverse")
def reverse(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Count from the other end when the dimension is reversed."""
    operand, first, last = site.op.operands[0], start, stop
    if dimension in ints(site.op, "dimensions"):
        size = shape_of(operand)[dimension]
        first, last = size - stop, size - start
    piece = site.take(operand, dimension, first, last)
    return site.rebuild([piece], dimension, stop - start)


@narrows("stablehlo.pad")
def pad(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice the operand, and pad by what of the padding lies in the slice.

    Not where elements are interleaved with padding or cropped, nor when there is padding only.
    """
    operand, value = site.op.operands
    low, high = ints(site.op, "edge_padding_low"), ints(site.op, "edge_padding_high")
    size = shape_of(operand)[dimension]
    before, after = low[dimension], high[dimension]
    first, last = max(0, start - before), min(size, stop - before)
    if ints(site.op, "interior_padding")[dimension] or min(before, after) < 0 or first >= last:
        return None
    low[dimension], high[dimension] = max(0, before - start), max(0, stop - before - size)
    piece = site.take(operand, dimension, first, last)
    return site.rebuild(
        [piece, value],
        dimension,
        stop - start,
        edge_padding_low=i64s(low),
        edge_padding_high=i64s(high),
    )


@narrows("stablehlo.concatenate")
def concatenate(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice every operand; along the joined dimension, only those that the slice reaches."""
    joined = IntegerAttr(site.op.attributes["dimension"]).value
    operands = list(site.op.operands)
    if dimension != joined:
        pieces = [site.take(value, dimension, start, stop) for value in operands]
        return site.rebuild(pieces, dimension, stop - start)
    pieces, offset = [], 0
    for value in operands:
        size = shape_of(value)[dimension]
        first, last = max(0, start - offset), min(size, stop - offset)
        if first < last:
            pieces.append(site.take(value, dimension, first, last))
        offset += size
    return site.builder.concatenate(pieces, dimension)


@narrows("stablehlo.slice")
def slice_(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """A slice of a slice, of unit stride, is a slice."""
    bounds = slice_bounds(site.op)
    if bounds is None:
        return None
    low, high = bounds
    offset = low[dimension]
    piece = site.take(site.op.operands[0], dimension, offset + start, offset + stop)
    low[dimension], high[dimension] = 0, stop - start
    return site.builder.slice(piece, low, high)
