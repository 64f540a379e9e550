"""Derivatives of scatter: by the tensor that is written into, and by what is written."""

from __future__ import annotations

from typing import Any

from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.ir import IntegerType, RankedTensorType, Value
from pock_mlir.passes.base import PassError
from pock_mlir.passes.gradients.builder import GradientBuilder
from pock_mlir.passes.gradients.indexing import Places
from pock_mlir.passes.gradients.matching import defining_op
from pock_mlir.passes.gradients.registry import Cotangents, gradient

_KINDS = ("add", "subtract", "multiply", "maximum", "minimum")
Pair = tuple[Value, Value | None]


@gradient("stablehlo.scatter")
def scatter(b: GradientBuilder, op: Any, dys: Any) -> Cotangents:
    """Each operand by itself, by what the region does to it:

    add, subtract: dx = dy;  du = +-dy where u was written
    overwrite: dx = dy where nothing was written;  du = dy where u is the one that was written last
    multiply: the gradient of each factor is dy times the product of all the others
    maximum, minimum: dx = dy where x is y, du likewise; equal ones share the gradient

    What lies outside is written nowhere and has no gradient.

    Raises:
        PassError: the region does something else.
    """
    places, kinds = Places.of_scatter(op), _kinds(op)
    count = len(kinds)
    inputs, updates = list(op.operands)[:count], list(op.operands)[count + 1 :]
    each = dys if isinstance(dys, tuple) else (dys,)
    pairs: list[Pair | tuple[None, None]] = []
    for i, (kind, dy) in enumerate(zip(kinds, each, strict=True)):
        if dy is None:
            pairs.append((None, None))
        else:
            pairs.append(_RULES[kind](b, places, inputs[i], updates[i], op.results[i], dy, kind))
    return [*(dx for dx, _ in pairs), None, *(du for _, du in pairs)]


def _kinds(op: Any) -> list[str]:
    """What the region does to each operand: one of `_KINDS`, "second" or "first"."""
    block = op.regions[0].blocks[0]
    arguments = list(block.arguments)
    results = block.operations[len(block.operations) - 1].operands
    count = len(results)
    return [_kind(op, results[i], arguments[i], arguments[count + i]) for i in range(count)]


def _kind(op: Any, result: Value, old: Value, new: Value) -> str:
    if result == new:
        return "second"
    if result == old:
        return "first"
    combine = defining_op(result)
    kind = combine.name.removeprefix("stablehlo.") if combine else ""
    operands = list(combine.operands) if combine else []
    commuted = kind != "subtract" and operands == [new, old]
    if kind not in _KINDS or not (operands == [old, new] or commuted):
        raise PassError.at(
            op,
            "stablehlo.scatter with this region has no derivative rule: it must yield the update, "
            "or its sum, difference, product, maximum or minimum with the old element",
        )
    return kind


def _written(b: GradientBuilder, places: Places, updates: Value, dy: Value) -> Value:
    """The gradient where each update was written, zeros for those that were dropped."""
    inside = places.is_inside(b, updates)
    return b.select(inside, places.gather(b, dy, updates), b.zeros_like(updates))


def _sum(b: GradientBuilder, places: Places, x: Any, u: Value, y: Any, dy: Value, kind: str) -> Any:
    du = _written(b, places, u, dy)
    return dy, b.negate(du) if kind == "subtract" else du


def _nothing(b: GradientBuilder, places: Places, x: Any, u: Any, y: Any, dy: Value, kind: str):
    return dy, None


def _overwrite(
    b: GradientBuilder, places: Places, x: Any, u: Value, y: Any, dy: Value, kind: str
) -> Pair:
    """Which update an element has in the end is found by writing the updates' numbers likewise."""
    dx = places.scatter(b, "second", dy, b.zeros_like(u))
    du = _written(b, places, u, dy)
    if places.unique:
        return dx, du
    numbers = _numbers(b, u)
    none = b.splat(-1, RankedTensorType.get(shape_of(x), IntegerType.get_signless(32)))
    last = places.gather(b, places.scatter(b, "second", none, numbers), numbers)
    return dx, b.select(b.compare("EQ", last, numbers), du, b.zeros_like(u))


def _numbers(b: GradientBuilder, like: Value) -> Value:
    """0, 1, 2, ... in the shape of `like`."""
    shape, size = shape_of(like), 1
    for extent in shape:
        size *= extent
    return b.reshape(b.iota(RankedTensorType.get([size], IntegerType.get_signless(32)), 0), shape)


def _extremum(
    b: GradientBuilder, places: Places, x: Value, u: Value, y: Value, dy: Value, kind: str
) -> Pair:
    inside = places.is_inside(b, u)
    chosen = b.logical_and(inside, b.compare("EQ", u, places.gather(b, y, u)))
    kept = b.compare("EQ", x, y)
    count = b.select(kept, b.ones_like(x), b.zeros_like(x))
    hits = b.select(chosen, b.ones_like(u), b.zeros_like(u))
    share = b.divide(dy, places.scatter(b, "add", count, hits))
    dx = b.select(kept, share, b.zeros_like(x))
    return dx, b.select(chosen, places.gather(b, share, u), b.zeros_like(u))


def _product(
    b: GradientBuilder, places: Places, x: Value, u: Value, y: Value, dy: Value, kind: str
) -> Pair:
    """dy times the product of all the *other* factors, also where some of them are zero."""
    x_zero, x_factor = _zero_apart(b, x)
    u_zero, u_factor = _zero_apart(b, u)
    zeros = places.scatter(b, "add", x_zero, u_zero)
    scaled = b.multiply(dy, places.scatter(b, "multiply", x_factor, u_factor))
    dx = _without(b, scaled, zeros, x_zero, x_factor)
    scaled, zeros = (places.gather(b, value, u) for value in (scaled, zeros))
    du = _without(b, scaled, zeros, u_zero, u_factor)
    return dx, b.select(places.is_inside(b, u), du, b.zeros_like(u))


def _zero_apart(b: GradientBuilder, x: Value) -> tuple[Value, Value]:
    """(1 where x is zero, else 0), and x with ones for zeros."""
    zero, one = b.zeros_like(x), b.ones_like(x)
    is_zero = b.compare("EQ", x, zero)
    return b.select(is_zero, one, zero), b.select(is_zero, one, x)


def _without(
    b: GradientBuilder, product: Value, zeros: Value, is_zero: Value, factor: Value
) -> Value:
    """The product less one factor of it, given how many factors are zero."""
    none = b.zeros_like(factor)
    others = b.compare("EQ", b.subtract(zeros, is_zero), none)
    return b.select(others, b.divide(product, factor), none)


_RULES = {
    "add": _sum,
    "subtract": _sum,
    "first": _nothing,
    "second": _overwrite,
    "multiply": _product,
    "maximum": _extremum,
    "minimum": _extremum,
}
