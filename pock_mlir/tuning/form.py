"""The forms of a matrix product, and which of them a machine can have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pock_mlir.tuning.machine import Machine
from pock_mlir.tuning.product import Product

_TEXT = re.compile(r"(tiled|panels|panels-km|swapped) (\d+)x(\d+)x(\d+)")


@dataclass(frozen=True)
class Tile:
    """The block of a matrix product that the innermost loop computes in registers.

    Attributes:
        rows: of the result.
        columns: of the result; a multiple of what a vector register holds.
        depth: steps along the contracted dimension that are unrolled.
    """

    rows: int
    columns: int
    depth: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}x{self.depth}"


@dataclass(frozen=True)
class Form:
    """One way to compute a matrix product; its text is like "panels 6x16x4".

    Attributes:
        kind: "plain" leaves all to IREE. "tiled" multiplies the operands as they are, by blocks of
            a tile. "panels" arranges rhs as [n / columns, k, columns], and lhs by rows. "panels-km"
            arranges rhs so, and reads lhs as it is, [k, m]. "swapped" multiplies rhs by panels of
            lhs, and transposes the result.
        tile: of every kind but "plain".
    """

    kind: str
    tile: Tile | None = None

    @classmethod
    def parse(cls, text: str) -> Form:
        """The form of a text. Raises ValueError."""
        if text == PLAIN.kind:
            return PLAIN
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
        """Whether an operand is arranged as panels."""
        return self.kind not in ("plain", "tiled")

    def copied(self, product: Product) -> int:
        """Elements of the largest tensor that a step arranges anew for this form."""
        if self.kind == "swapped":
            panels = self.unswapped(product).copied(product.swapped)
            return max(panels, product.count * product.m * product.n)
        if not self.has_panels:
            return 0
        lhs = self.kind == "panels" and not (product.lhs_rows_first or product.lhs_frozen)
        sizes = (lhs * product.m * product.k, (not product.rhs_frozen) * product.k * product.n)
        return product.count * max(sizes)

    def fits(self, product: Product) -> bool:
        """Whether the product can have this form: its extents are multiples of the tile's."""
        tile = self.tile
        if tile is None:
            return True
        if self.kind == "swapped":
            # A gradient of a weight has its lhs as [k, m]: swapped, it would have to be stored.
            return product.lhs_rows_first and self.unswapped(product).fits(product.swapped)
        if product.m % tile.rows or product.n % tile.columns or product.k % tile.depth:
            return False
        if self.kind == "tiled":
            return product.rhs_columns_last
        return self.kind == "panels" or not product.lhs_rows_first


PLAIN = Form("plain")


def candidates(product: Product, machine: Machine) -> list[Form]:
    """The forms worth measuring, `plain` first."""
    tiles, swapped = _tiles(product, machine), _tiles(product.swapped, machine)
    forms = [Form(kind, tile) for kind in ("tiled", "panels", "panels-km") for tile in tiles]
    forms += [Form("swapped", tile) for tile in swapped]
    return [PLAIN, *(form for form in forms if form.fits(product))]


_VECTORS = (2, 4)
"""Vectors that a row of a tile has. LLVM makes of three what takes five times as long."""
_TALLEST = 2
"""How many tiles of each width are tried."""
_DEPTHS = (4, 2, 1)


def _tiles(product: Product, machine: Machine) -> list[Tile]:
    """Blocks of the widths that are fast; of one vector where a product has none of these."""
    wide = [tile for vectors in _VECTORS for tile in _of_width(product, machine, vectors)]
    return wide or _of_width(product, machine, 1)


def _of_width(product: Product, machine: Machine, vectors: int) -> list[Tile]:
    """The tallest blocks of a width that divide the product and that the registers hold.

    Besides the sums, a vector of each column and one number of lhs are in registers. Blocks that
    leave most of them empty wait for memory.
    """
    columns = vectors * machine.lanes
    highest = (machine.registers - 1 - vectors) // vectors
    fewest = 3 * machine.registers // 8
    rows = [r for r in range(highest, 2, -1) if r * vectors >= fewest and product.m % r == 0]
    depth = next(depth for depth in _DEPTHS if product.k % depth == 0)
    fits = product.n % columns == 0
    return [Tile(each, columns, depth) for each in rows[:_TALLEST]] if fits else []
