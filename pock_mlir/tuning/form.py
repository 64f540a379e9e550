"""The forms of matrix products and convolutions, and which of them a machine can have."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from pock_mlir.tuning.convolution import Convolution
from pock_mlir.tuning.machine import Machine
from pock_mlir.tuning.product import Product

_TEXT = re.compile(r"(tiled|streams|panels|panels-km|swapped|taps) (\d+)x(\d+)x(\d+)")
_SQUARES = {"winograd-2": 2, "winograd-4": 4}
"""Winograd's forms, by the side of their squares of the result."""

Subject = Product | Convolution
"""What has forms."""


@dataclass(frozen=True)
class Tile:
    """The block of a matrix product that the innermost loop computes in registers.

    Attributes:
        rows: of the result.
        columns: of the result; a multiple of what a vector register holds, or half of that.
        depth: steps along the contracted dimension that are unrolled.
    """

    rows: int
    columns: int
    depth: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}x{self.depth}"


@dataclass(frozen=True)
class Form:
    """One way to compute a matrix product or a convolution; its text is like "panels 6x16x4".

    Attributes:
        kind: "plain" leaves all to IREE. Of a product: "tiled" multiplies the operands as they are,
            by blocks of a tile. "streams" does so too, but goes through all of rhs by a few rows
            at a time, in the order in which they lie, with the sums in memory. "panels" arranges
            rhs as [n / columns, k, columns], and lhs by rows. "panels-km" arranges rhs so, and
            reads lhs as it is, [k, m]. "swapped" multiplies rhs by panels of lhs, and transposes
            the result. Of a convolution: "taps" is a sum of products, one for each place of the
            kernel, and "streams" one of products that leave the kernel as it is; "winograd-2" and
            "winograd-4" are stacks of products of transformed squares, for squares of 2 and 4
            places a side of the result.
        tile: of every kind but "plain" and Winograd's, whose stack has a form of its own.
    """

    kind: str
    tile: Tile | None = None

    @classmethod
    def parse(cls, text: str) -> Form:
        """The form of a text. Raises ValueError."""
        if text == PLAIN.kind or text in _SQUARES:
            return cls(text)
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"'{text}' is no form; one is like 'plain' or 'panels 6x16x4'")
        kind, *tile = found.groups()
        return cls(kind, Tile(*map(int, tile)))

    def __str__(self) -> str:
        return self.kind if self.tile is None else f"{self.kind} {self.tile}"

    def unswapped(self, product: Product) -> Form:
        """Of a swapped form, the one of the swapped product: its lhs is left as it is."""
        return Form("panels-km" if product.rhs_columns_last else "panels", self.tile)

    @property
    def has_panels(self) -> bool:
        """Whether an operand of a product is arranged as panels."""
        return self.kind not in ("plain", "tiled", "streams")

    @property
    def streams(self) -> bool:
        """Whether rhs, or the kernel, is read row by row as it lies."""
        return self.kind == "streams"

    @property
    def side(self) -> int:
        """Of Winograd's forms, the side of their squares; of others 0."""
        return _SQUARES.get(self.kind, 0)

    def arranged(self, product: Product) -> list[int]:
        """Elements of each tensor, of operands and result, that a step arranges anew."""
        if self.kind == "swapped":
            result = product.count * product.m * product.n
            return [*self.unswapped(product).arranged(product.swapped), result]
        if not self.has_panels:
            return []
        rows = product.lhs_rows_first or product.lhs_frozen or self.kind != "panels"
        lhs = [] if rows else [product.count * product.m * product.k]
        return lhs if product.rhs_frozen else [*lhs, product.count * product.k * product.n]

    def transformed(self, convolution: Convolution) -> tuple[int, int]:
        """Elements of the kernel, and of image and products together, in Winograd's forms."""
        if not self.side:
            return 0, 0
        stack = convolution.stack(self.side)
        return stack.count * stack.k * stack.n, stack.count * stack.m * (stack.k + stack.n)

    def fits(self, subject: Subject) -> bool:
        """Whether the subject can have this form: its extents are multiples of the tile's.

        Not the rows of a product: those beyond a multiple have a smaller block of their own.
        """
        if self.kind == "plain":
            return True
        if isinstance(subject, Convolution):
            return self._fits_convolution(subject)
        return not self.side and self.kind != "taps" and self._fits_product(subject)

    def _fits_product(self, product: Product) -> bool:
        tile = self.tile
        assert tile is not None, "only IREE's own form of a product has none"
        if self.kind == "swapped":
            # A gradient of a weight has its lhs as [k, m]: swapped, it would have to be stored.
            return product.lhs_rows_first and self.unswapped(product).fits(product.swapped)
        left_over = product.m % tile.rows > 0 and product.m > _MOST_ROWS
        if left_over or product.n % tile.columns or product.k % tile.depth:
            return False
        if self.streams:
            rows = product.lhs_rows_first and product.rhs_columns_last and not product.rhs_frozen
            return rows and self._can_stream(product.m, product.n, product.k)
        if self.kind == "tiled":
            return product.rhs_columns_last
        return self.kind == "panels" or not product.lhs_rows_first

    def _fits_convolution(self, convolution: Convolution) -> bool:
        *_, inputs, outputs = convolution.kernel
        if self.side:
            large = min(convolution.places) >= self.side and inputs >= _FEWEST_CHANNELS
            return convolution.is_three_by_three and large
        tile = self.tile
        if tile is None or outputs % tile.columns or inputs % tile.depth:
            return False
        if self.streams:
            rows = math.prod(convolution.output[:-1])
            return not convolution.frozen and self._can_stream(rows, outputs, inputs)
        return self.kind == "taps"

    def _can_stream(self, rows: int, columns: int, steps: int) -> bool:
        """Of many rows, panels are the smaller part."""
        assert self.tile is not None
        block = block_of_stream(steps)
        whole = block >= _FEWEST_STEPS and block % self.tile.depth == 0
        return whole and rows <= _MOST_OF_A_STREAM and columns > self.tile.columns


PLAIN = Form("plain")
_MOST_ROWS = 256
"""Rows of a product, if no multiple of the tile's: a workgroup goes through all of them."""
_MOST_OF_A_STREAM = 64
"""Rows of a product that streams its rhs. What would be its epilogue has to read the result again:
with 128 rows, MiniLM's full step took 1.07 times as long, though each product alone took less."""
_FEWEST_STEPS, _MOST_STEPS = 8, 16
"""Rows of rhs that a product streams at a time: their part for a tile stays in the first cache,
even if all of it falls on the same few lines."""


def block_of_stream(steps: int) -> int:
    """How many of `steps` rows of rhs are read before the next tile's turn."""
    return next(n for n in range(min(steps, _MOST_STEPS), 0, -1) if steps % n == 0)


_FEWEST_CHANNELS = 8
"""Channels of an image below which each product of a convolution's does too little."""


def candidates(subject: Subject, machine: Machine) -> list[Form]:
    """The forms worth measuring, `plain` first."""
    if isinstance(subject, Convolution):
        tiles = _taps(subject, machine)
        forms = [Form(kind, tile) for kind in ("taps", "streams") for tile in tiles]
        forms += [Form(kind) for kind in _SQUARES]
    else:
        tiles, swapped = (_of_product(each, machine) for each in (subject, subject.swapped))
        kinds = ("tiled", "streams", "panels", "panels-km")
        forms = [Form(kind, tile) for kind in kinds for tile in tiles]
        forms = [form for form in forms if not _is_as_tiled(form, subject)]
        forms += [Form("swapped", tile) for tile in swapped]
    return [PLAIN, *(form for form in forms if form.fits(subject))]


def _is_as_tiled(form: Form, product: Product) -> bool:
    """Whether panels would be a single one, which is rhs as it is."""
    assert form.tile is not None
    single = form.has_panels and form.tile.columns == product.n and product.rhs_columns_last
    return single and (product.lhs_rows_first or form.kind == "panels-km")


def _taps(convolution: Convolution, machine: Machine) -> list[Tile]:
    """Blocks of a row of the result, which is made wider where no block of two vectors divides it.

    Of a row of one place, most of a block would be thrown away.
    """
    width = convolution.places[-1]
    if convolution.kernel[-2] < _FEWEST_CHANNELS or width == 1:
        return []
    tiles = _tiles(convolution.row(width), machine)
    if any(tile.columns > machine.lanes for tile in tiles):
        return tiles
    wider = (_wide(convolution.row(width + more), machine) for more in range(1, _MOST_BEYOND + 1))
    return tiles + next(filter(None, wider), [])


_MOST_BEYOND = 3
"""Places that a row of a convolution's result may be made wider."""
_VECTORS = (2, 4)
"""Vectors that a row of a tile has. LLVM makes of three what takes five times as long."""
_TALLEST = 2
"""How many tiles of each width are tried."""
_DEPTHS = (4, 2, 1)
_ENOUGH_SUMS = 8
"""Vectors of sums that keep multipliers busy: two a cycle, done after four cycles. Fewer wait for
each other."""
_SHORT = 0.6
"""Blocks are short that have at most so much of the rows that registers hold."""
_FEWEST_LANES = 8
"""Of registers that are half used, where whole ones make no block."""


def _of_product(product: Product, machine: Machine) -> list[Tile]:
    """Blocks that divide the product, and those of two vectors where only its rows are in the way.

    Those are in the way, too, if the blocks that divide them are short.
    """
    tiles = _tiles(product, machine)
    wide = [tile.rows for tile in tiles if tile.columns > machine.lanes]
    short = max(wide, default=0) <= _SHORT * _highest(machine, 2)
    return [*_left_over(product, machine), *tiles] if short and product.m <= _MOST_ROWS else tiles


def _left_over(product: Product, machine: Machine) -> list[Tile]:
    """The blocks of two vectors that leave least of their last one empty."""
    columns = 2 * machine.lanes
    highest, fewest = _highest(machine, 2), machine.registers // 4
    if product.m < fewest or product.n % columns:
        return []
    heights = [each for each in range(highest, fewest - 1, -1) if product.m % each]
    rows = sorted(heights, key=lambda each: -product.m % each)
    return [Tile(each, columns, _depth(product)) for each in rows[:_TALLEST]]


def _tiles(product: Product, machine: Machine) -> list[Tile]:
    """Blocks of the widths that are fast; of one vector where a product has none of these."""
    if product.m <= 2:
        found = _of_few_rows(product, machine)
    else:
        found = _wide(product, machine) or _of_width(product, machine, 1)
    if found or machine.lanes <= _FEWEST_LANES:
        return found
    return _tiles(product, replace(machine, lanes=machine.lanes // 2))


def _wide(product: Product, machine: Machine) -> list[Tile]:
    return [tile for vectors in _VECTORS for tile in _of_width(product, machine, vectors)]


def _of_few_rows(product: Product, machine: Machine) -> list[Tile]:
    """The widest block of all rows. Each vector of rhs is used at once and needs no register."""
    vectors = _ENOUGH_SUMS // product.m
    while vectors > 1 and product.n % (vectors * machine.lanes):
        vectors //= 2
    columns = vectors * machine.lanes
    return [] if product.n % columns else [Tile(product.m, columns, _depth(product))]


def _of_width(product: Product, machine: Machine, vectors: int) -> list[Tile]:
    """The tallest blocks of a width that divide the product and that the registers hold.

    Blocks that leave most registers empty wait for memory. Of one vector a lower one is tried too,
    which was faster with AVX-512.
    """
    columns = vectors * machine.lanes
    if product.n % columns:
        return []
    highest, fewest = _highest(machine, vectors), min(3 * machine.registers // 8, _ENOUGH_SUMS)
    rows = [r for r in range(highest, 2, -1) if r * vectors >= fewest and product.m % r == 0]
    lower = [r for r in rows[_TALLEST:] if vectors == 1 and r <= _highest(machine, 2)]
    return [Tile(each, columns, _depth(product)) for each in (*rows[:_TALLEST], *lower[:1])]


def _highest(machine: Machine, vectors: int) -> int:
    """Rows of a block: besides sums, a vector of each column and a number of lhs need registers."""
    return (machine.registers - 1 - vectors) // vectors


def _depth(product: Product) -> int:
    return next(depth for depth in _DEPTHS if product.k % depth == 0)
