"""Narrowing contractions, reductions, and gradients of convolutions."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import i64, shape_of
from pock_mlir.ir import IntegerAttr, Value, stablehlo_bindings
from pock_mlir.passes.narrowing.site import Site, ints, narrows


@narrows("stablehlo.dot_general")
def dot_general(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Each dimension of the result is a batch dimension of both, or a free one of one side."""
    lhs, rhs = site.op.operands
    numbers = stablehlo_bindings.DotDimensionNumbers(site.op.attributes["dot_dimension_numbers"])
    batch = list(zip(numbers.lhs_batching_dimensions, numbers.rhs_batching_dimensions, strict=True))
    bound = {*numbers.lhs_batching_dimensions, *numbers.lhs_contracting_dimensions}
    free = [i for i in range(len(shape_of(lhs))) if i not in bound]
    place = dimension - len(batch)
    if place < 0:
        left, right = batch[dimension]
        lhs, rhs = site.take(lhs, left, start, stop), site.take(rhs, right, start, stop)
    elif place < len(free):
        lhs = site.take(lhs, free[place], start, stop)
    else:
        bound = {*numbers.rhs_batching_dimensions, *numbers.rhs_contracting_dimensions}
        others = [i for i in range(len(shape_of(rhs))) if i not in bound]
        rhs = site.take(rhs, others[place - len(free)], start, stop)
    return site.rebuild([lhs, rhs], dimension, stop - start)


@narrows("stablehlo.reduce")
def reduce(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """Slice the dimension that the result kept; only for the reduction of one tensor."""
    if len(site.op.results) != 1:
        return None
    operand, initial = site.op.operands
    reduced = ints(site.op, "dimensions")
    kept = [i for i in range(len(shape_of(operand))) if i not in reduced]
    piece = site.take(operand, kept[dimension], start, stop)
    return site.rebuild([piece, initial], dimension, stop - start)


def _groups_of(op: Any, per_group: int, start: int, stop: int) -> tuple[int, int] | None:
    """The groups that a range of channels makes up, or lies in if that is a single one."""
    first, last = start // per_group, -(-stop // per_group)
    aligned = start % per_group == 0 and stop % per_group == 0
    return (first, last) if aligned or last - first == 1 else None


@narrows("pock.conv_kernel_gradient")
def conv_kernel_gradient(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """The gradient [spatial..., C / groups, O] by input channels of the image, or outputs.

    Output channels must be whole groups, or lie in one; input channels need a single group.
    """
    image, dy = site.op.operands
    groups = IntegerAttr(site.op.attributes["groups"]).value
    inputs, outputs = shape_of(site.op.results[0])[-2:]
    channel = len(shape_of(image)) - 1
    if dimension == channel - 1 and groups == 1:
        piece = site.take(image, channel, start, stop)
        return site.rebuild([piece, dy], dimension, stop - start)
    span = _groups_of(site.op, outputs // groups, start, stop)
    if dimension != channel or span is None:
        return None
    image = site.take(image, channel, span[0] * inputs, span[1] * inputs)
    dy = site.take(dy, channel, start, stop)
    return site.rebuild([image, dy], dimension, stop - start, groups=i64(span[1] - span[0]))


@narrows("pock.conv_input_gradient")
def conv_input_gradient(site: Site, dimension: int, start: int, stop: int) -> Value | None:
    """The gradient [N, spatial..., C] by images, or by channels.

    Channels must be whole groups, or lie in one. Spatial slices would need a halo and stay.
    """
    dy, kernel = site.op.operands
    groups = IntegerAttr(site.op.attributes["groups"]).value
    inputs, outputs = shape_of(kernel)[-2:]
    channel = len(shape_of(dy)) - 1
    if dimension == 0:
        return site.rebuild([site.take(dy, 0, start, stop), kernel], 0, stop - start)
    span = _groups_of(site.op, inputs, start, stop)
    if dimension != channel or span is None:
        return None
    first, last = (group * (outputs // groups) for group in span)
    if span[1] - span[0] == 1:
        offset = span[0] * inputs
        kernel = site.take(kernel, channel - 1, start - offset, stop - offset)
    kernel = site.take(kernel, channel, first, last)
    dy = site.take(dy, channel, first, last)
    return site.rebuild([dy, kernel], dimension, stop - start, groups=i64(span[1] - span[0]))
