"""Forms of a contraction on a processor, where how it meets the caches decides its speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64, i64s, shape_of
from pock_mlir.ir import DenseI64ArrayAttr, IntegerAttr, UnitAttr, Value, stablehlo_bindings
from pock_mlir.tuning import Form, Product, Tile, block_of_stream

TILE = "pock.tile"
"""On a `dot_general`: rows, columns and depth of the block that the registers hold."""

BLOCK = "pock.block"
"""On a `dot_general` with a tile: after how many steps of the contraction the next tile's turn is.
Sums are in memory between, and what is read of rhs lies there row by row."""

PART = "pock.part"
"""On a `dot_general` with a tile: a part of a sum, to be added to the others in their memory."""


def tile_of(op: Any) -> Tile | None:
    """The tile that a `dot_general` is to have, if one was chosen."""
    attributes = op.operation.attributes
    return Tile(*DenseI64ArrayAttr(attributes[TILE])) if TILE in attributes else None


def block_of(op: Any) -> int:
    """The steps of a block of the contraction of a `dot_general`; 0 if it is done in one go."""
    attributes = op.operation.attributes
    return IntegerAttr(attributes[BLOCK]).value if BLOCK in attributes else 0


def _give(product: Value, form: Form, steps: int) -> Any:
    """The `dot_general` that makes a product, which is to have the form from now on."""
    assert form.tile is not None, "IREE's own form is the contraction itself"
    op: Any = product.owner
    op.attributes[TILE] = i64s([form.tile.rows, form.tile.columns, form.tile.depth])
    if form.streams:
        op.attributes[BLOCK] = i64(block_of_stream(steps))
    return op


def forget_tile(op: Any) -> None:
    """Leave a `dot_general` to the backend's own tiles."""
    for name in (TILE, BLOCK, PART):
        if name in op.operation.attributes:
            del op.operation.attributes[name]


def product_of(op: Any) -> Product | None:
    """What a `dot_general` multiplies, if that is two (stacks of) matrices."""
    numbers = stablehlo_bindings.DotDimensionNumbers(
        op.operation.attributes["dot_dimension_numbers"]
    )
    lhs, rhs = (shape_of(operand) for operand in op.operands)
    stacked = list(range(len(numbers.lhs_batching_dimensions)))
    contracted = (numbers.lhs_contracting_dimensions, numbers.rhs_contracting_dimensions)
    if (
        list(numbers.lhs_batching_dimensions) != stacked
        or list(numbers.rhs_batching_dimensions) != stacked
        or any(len(shape) != len(stacked) + 2 for shape in (lhs, rhs))
        or any(len(dimensions) != 1 for dimensions in contracted)
    ):
        return None
    first, last = len(stacked), len(stacked) + 1
    (i,), (j,) = contracted
    return Product(
        m=lhs[first + last - i],
        n=rhs[first + last - j],
        k=lhs[i],
        stack=tuple(lhs[:first]),
        lhs_rows_first=i == last,
        rhs_columns_last=j == first,
        element=str(op.operands[0].type.element_type),
    )


def build_product(b: Builder, lhs: Value, rhs: Value, product: Product, form: Form) -> Value:
    """A product in a form that fits it and has a tile.

    Panels [n / columns, k, columns] let the inner loop read on and on; their result,
    [m, n / columns, columns], is the matrix row by row as it is. What arranges an operand is a copy
    that is to be paid, unless `fold-frozen` does it once.
    """
    assert form.tile is not None, "IREE's own form is the contraction itself"
    first = len(product.stack)
    stacked = list(range(first))
    if form.kind == "swapped":
        y = build_product(b, rhs, lhs, product.swapped, form.unswapped(product))
        return b.transpose(y, [*stacked, first + 1, first])
    rows_first = product.lhs_rows_first
    if form.kind == "panels" and not rows_first:
        lhs, rows_first = b.transpose(lhs, [*stacked, first + 1, first]), True
    inner = first
    if form.has_panels:
        rhs = _panels(b, rhs, product, form.tile.columns)
        inner = len(shape_of(rhs)) - 2
    outer = first + 1 if rows_first else first
    if product.m == 1:
        # IREE takes dimensions of extent 1 away from a contraction, and with them its tile.
        lhs, outer = b.reshape(lhs, [*product.stack, product.k]), first
    y = b.dot_general(lhs, rhs, ([outer], [inner]), (stacked, stacked))
    _give(y, form, product.k)
    return b.reshape(y, [*product.stack, product.m, product.n])


Contracted = tuple[Sequence[int], Sequence[int]]
"""The contracted dimensions of lhs and of rhs."""


def build_sum(b: Builder, parts: Iterable[tuple[Value, Value, Contracted]], form: Form) -> Value:
    """The sum of products that each have a form; operands are slices that are read in their place.

    `pock-to-iree` lets each add to the sum in a kernel of its own.
    """
    total = None
    for lhs, rhs, contracted in parts:
        product = b.dot_general(lhs, rhs, contracted)
        steps = shape_of(lhs)[contracted[0][0]]
        _give(product, form, steps).attributes[PART] = UnitAttr.get()
        total = product if total is None else b.add(total, product)
    assert total is not None, "a sum has parts"
    return total


_LONG, _PIECE = 16384, 512
"""From how many steps on a contraction is done in pieces, and how many those have about."""


def pieces_of(product: Product) -> int:
    """How many pieces the contracted dimension of a product is cut in, if it is a long one."""
    if product.k < _LONG or product.stack:
        return 1
    if not (product.lhs_rows_first and product.rhs_columns_last):
        return 1  # the slices of a piece would be narrow
    return next((n for n in range(product.k // _PIECE, 1, -1) if product.k % n == 0), 1)


def build_in_pieces(b: Builder, lhs: Value, rhs: Value, product: Product, tile: Tile) -> Value:
    """A product with a long contracted dimension, whose operands meet the cache piece by piece."""
    piece = product.k // pieces_of(product)

    def parts() -> Iterator[tuple[Value, Value, Contracted]]:
        for begin in range(0, product.k, piece):
            end = begin + piece
            rows = b.slice(lhs, [0, begin], [product.m, end])
            yield rows, b.slice(rhs, [begin, 0], [end, product.n]), ([1], [0])

    return build_sum(b, parts(), Form("tiled", tile))


def _panels(b: Builder, rhs: Value, product: Product, columns: int) -> Value:
    """[..., n / columns, k, columns]; a single panel is a matrix."""
    first, count = len(product.stack), product.n // columns
    stacked = list(range(first))
    if count == 1:
        turned = [*stacked, first + 1, first]
        return rhs if product.rhs_columns_last else b.transpose(rhs, turned)
    if product.rhs_columns_last:
        split = b.reshape(rhs, [*product.stack, product.k, count, columns])
        return b.transpose(split, [*stacked, first + 1, first, first + 2])
    split = b.reshape(rhs, [*product.stack, count, columns, product.k])
    return b.transpose(split, [*stacked, first, first + 2, first + 1])
