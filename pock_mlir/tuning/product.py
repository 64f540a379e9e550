"""A matrix product, as much of it as decides how fast its forms are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_TEXT = re.compile(r"(\w+) (?:(\d[\dx]*)\*)?(\d+)x(\d+)x(\d+) (mk|km)(!?) (kn|nk)(!?)")


@dataclass(frozen=True)
class Product:
    """A product of two (stacks of) matrices.

    Its text is the key of a database: "f32 512x96x384 mk kn!" has 512 rows, 96 columns, and a
    contracted dimension of 384, which is last in the left operand and first in the right one; what
    ends with "!" is frozen, so that arranging it costs a step nothing. "f32 8*128x32x64 mk nk" is
    a stack of eight.

    Attributes:
        m: rows of the result.
        n: columns of the result.
        k: extent of the contracted dimension.
        stack: extents of the batching dimensions, which come first in both operands.
        lhs_rows_first: whether lhs is [..., m, k], not [..., k, m].
        rhs_columns_last: whether rhs is [..., k, n], not [..., n, k].
        lhs_frozen: whether no step changes lhs.
        rhs_frozen: whether no step changes rhs.
        element: type of the elements.
    """

    m: int
    n: int
    k: int
    stack: tuple[int, ...] = ()
    lhs_rows_first: bool = True
    rhs_columns_last: bool = True
    lhs_frozen: bool = False
    rhs_frozen: bool = False
    element: str = "f32"

    @classmethod
    def parse(cls, text: str) -> Product:
        """The product of a text. Raises ValueError."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"'{text}' is no product; one is like 'f32 512x96x384 mk kn!'")
        element, stack, m, n, k, lhs, lhs_frozen, rhs, rhs_frozen = found.groups()
        return cls(
            int(m),
            int(n),
            int(k),
            tuple(int(extent) for extent in stack.split("x")) if stack else (),
            lhs == "mk",
            rhs == "kn",
            bool(lhs_frozen),
            bool(rhs_frozen),
            element,
        )

    def __str__(self) -> str:
        stack = "x".join(map(str, self.stack)) + "*" if self.stack else ""
        lhs = ("mk" if self.lhs_rows_first else "km") + "!" * self.lhs_frozen
        rhs = ("kn" if self.rhs_columns_last else "nk") + "!" * self.rhs_frozen
        return f"{self.element} {stack}{self.m}x{self.n}x{self.k} {lhs} {rhs}"

    @property
    def count(self) -> int:
        """The matrices of the stack."""
        return math.prod(self.stack)

    @property
    def multiplications(self) -> int:
        """How many there are, each with an addition."""
        return self.count * self.m * self.n * self.k

    @property
    def output(self) -> tuple[int, ...]:
        """Extents of the result."""
        return (*self.stack, self.m, self.n)

    @property
    def lhs_shape(self) -> tuple[int, ...]:
        """Extents of the left operand."""
        matrix = (self.m, self.k) if self.lhs_rows_first else (self.k, self.m)
        return (*self.stack, *matrix)

    @property
    def rhs_shape(self) -> tuple[int, ...]:
        """Extents of the right operand."""
        matrix = (self.k, self.n) if self.rhs_columns_last else (self.n, self.k)
        return (*self.stack, *matrix)

    @property
    def swapped(self) -> Product:
        """The product of the operands in the other order, of which this is the transpose."""
        return Product(
            self.n,
            self.m,
            self.k,
            self.stack,
            not self.rhs_columns_last,
            not self.lhs_rows_first,
            self.rhs_frozen,
            self.lhs_frozen,
            self.element,
        )
