"""Derivatives of reductions over dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import BF16Type, DenseI64ArrayAttr, F16Type, F32Type, F64Type, Value
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.expansion import through
from pock_mlir.passes.gradients.matching import splat_of
from pock_mlir.passes.gradients.registry import Cotangents, gradient
from pock_mlir.passes.gradients.softmax import is_softmax_shift
from pock_mlir.passes.scalar_regions import apply_elementwise

_IDENTITY = {"add": 0.0, "multiply": 1.0, "maximum": -math.inf, "minimum": math.inf}
_LARGEST = {BF16Type: 3.3895e38, F16Type: 65504.0, F32Type: 3.4028e38, F64Type: 1.7976e308}


def reducer(op: Any) -> str | None:
    """What the region of a reduction does: "add", "multiply", "maximum" or "minimum".

    None when it does anything else, or the op reduces several operands at once.
    """
    block = op.regions[0].blocks[0]
    body = list(block.operations)
    kind = body[0].name.removeprefix("stablehlo.")
    if len(op.operands) != 2 or len(body) != 2 or kind not in _IDENTITY:
        return None
    both = set(body[0].operands) == set(block.arguments)
    return kind if both and list(body[1].operands) == list(body[0].results) else None


def starts_from_identity(op: Any, kind: str) -> bool:
    """Whether the initial value of a reduction of one operand is known not to matter.

    The least number of a type serves as well as minus infinity.
    """
    known, identity = splat_of(op.operands[1]), _IDENTITY[kind]
    if known is None or not math.isinf(identity):
        return known == identity
    largest = _LARGEST.get(type(type_of(op.operands[1]).element_type), math.inf)
    return known * math.copysign(1, identity) >= largest


@gradient("stablehlo.reduce")
def reduce(b: GradientBuilder, op: Any, dy: Any) -> Any:
    """add: dx = dy;  multiply: dx = dy * y / x;  maximum, minimum: dx = dy where x is y

    Each repeated along the reduced dimensions. Equal extrema share the gradient, as in PyTorch's
    amax; a product with zeros in it is treated as PyTorch's prod does. No gradient flows through
    the maximum that a softmax subtracts, for its result does not depend on that. What starts a sum
    or a product, or bounds an extremum, gets its gradient too. Anything else is differentiated as a
    tree of elementwise ops.
    """
    kind = reducer(op)
    x, dimensions = op.operands[0], list(DenseI64ArrayAttr(op.attributes["dimensions"]))
    if kind is None:
        return through(b, op, dy, expand_reduce)
    if kind == "add":
        return _spread(b, dy, x, dimensions), _of_start(b, op, dy)
    if kind == "multiply":
        return _product(b, op, dy, dimensions)
    if kind == "maximum" and is_softmax_shift(b, op):
        return None, None
    return _extremum(b, op, dy, dimensions, kind)


def _spread(b: Builder, value: Value, like: Value, dimensions: Sequence[int]) -> Value:
    shape = shape_of(like)
    return b.broadcast_in_dim(value, shape, [i for i in range(len(shape)) if i not in dimensions])


def _of_start(b: GradientBuilder, op: Any, value: Value) -> Value | None:
    """The sum of `value`, as the gradient of what the reduction starts from."""
    if not b.is_active(op.operands[1]):
        return None
    return b.reduce_add(value, list(range(len(shape_of(value)))))


def _extremum(
    b: GradientBuilder, op: Any, dy: Value, dimensions: Sequence[int], kind: str
) -> Cotangents:
    (x, bound), y = op.operands, op.results[0]
    chosen = b.compare("EQ", x, _spread(b, y, x, dimensions))
    count = b.reduce_add(b.select(chosen, b.ones_like(x), b.zeros_like(x)), dimensions)
    if starts_from_identity(op, kind):
        return _chosen_share(b, chosen, b.divide(dy, count), x, dimensions), None
    at_bound = b.compare("EQ", y, b.broadcast_to(bound, y))
    count = b.add(count, b.select(at_bound, b.ones_like(y), b.zeros_like(y)))
    share = b.divide(dy, count)
    of_bound = _of_start(b, op, b.select(at_bound, share, b.zeros_like(y)))
    return _chosen_share(b, chosen, share, x, dimensions), of_bound


def _chosen_share(
    b: GradientBuilder, chosen: Value, share: Value, x: Value, dimensions: Sequence[int]
) -> Value:
    return b.select(chosen, _spread(b, share, x, dimensions), b.zeros_like(x))


def _product(b: GradientBuilder, op: Any, dy: Value, dimensions: Sequence[int]) -> Cotangents:
    """dy times the product of all the *other* elements, also where some of them are zero."""
    x, start = op.operands
    if splat_of(start) != 1:
        spread = b.broadcast_to(start, dy)
        product = b.multiply(dy, b.reduce("multiply", x, dimensions))
        return _others(b, x, b.multiply(dy, spread), dimensions), _of_start(b, op, product)
    return _others(b, x, dy, dimensions), None


def _others(b: GradientBuilder, x: Value, dy: Value, dimensions: Sequence[int]) -> Value:
    zero, one = b.zeros_like(x), b.ones_like(x)
    is_zero = b.compare("EQ", x, zero)
    nonzero = b.select(is_zero, one, x)
    scaled = b.multiply(dy, b.reduce("multiply", nonzero, dimensions))
    ones = b.select(is_zero, one, zero)
    others = b.subtract(_spread(b, b.reduce_add(ones, dimensions), x, dimensions), ones)
    product = b.divide(_spread(b, scaled, x, dimensions), nonzero)
    return b.select(b.compare("EQ", others, zero), product, zero)


def expand_reduce(b: Builder, op: Any) -> list[Value]:
    """A reduction by any associative region, as a tree: neighbours are combined until one is left.

    Raises:
        PassError: the region is not elementwise.
    """
    count = len(op.operands) // 2
    values, starts = list(op.operands[:count]), list(op.operands[count:])
    dimensions = list(DenseI64ArrayAttr(op.attributes["dimensions"]))
    values = [_reduced_last(b, value, dimensions) for value in values]
    while shape_of(values[0])[-1] > 1:
        values = _halved(b, op, values)
    shape = shape_of(op.results[0])
    first = [b.broadcast_in_dim(start, shape, []) for start in starts]
    if not shape_of(values[0])[-1]:
        return first
    return apply_elementwise(b, op, 0, [*first, *(b.reshape(value, shape) for value in values)])


def _reduced_last(b: Builder, x: Value, dimensions: Sequence[int]) -> Value:
    """The reduced dimensions as one, the last, in row-major order."""
    kept = [i for i in range(len(shape_of(x))) if i not in dimensions]
    shape = [shape_of(x)[i] for i in kept]
    size = int(np.prod([shape_of(x)[i] for i in dimensions], dtype=np.int64))
    return b.reshape(b.transpose(x, [*kept, *sorted(dimensions)]), [*shape, size])


def _halved(b: Builder, op: Any, values: Sequence[Value]) -> list[Value]:
    """Combine each element at an even place with its right neighbour, if it has one."""
    shape = shape_of(values[0])
    *outer, size = shape
    none, paired = [0] * len(outer), size - size % 2

    def every_other(x: Value, first: int) -> Value:
        return b.slice(x, [*none, first], [*outer, paired], [*(1 for _ in outer), 2])

    pairs = [[every_other(x, first) for x in values] for first in (0, 1)]
    combined = apply_elementwise(b, op, 0, [*pairs[0], *pairs[1]])
    if paired == size:
        return combined
    last = [b.slice(x, [*none, size - 1], shape) for x in values]
    return [b.concatenate([x, y], len(outer)) for x, y in zip(combined, last, strict=True)]
