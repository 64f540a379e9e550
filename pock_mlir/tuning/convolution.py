"""A dense convolution, as much of it as decides how fast its forms are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pock_mlir.tuning.product import Product

_SIZES, _PADS = r"\d+(?:x\d+)*", r"-?\d+(?:x-?\d+)*"
_TEXT = re.compile(
    rf"(\w+) ({_SIZES}) \* ({_SIZES})(!?) by ({_SIZES}) pad ({_PADS}) ({_PADS}) spread ({_SIZES})"
)


@dataclass(frozen=True)
class Convolution:
    """A convolution of an image [N, spatial..., C] by a kernel [spatial..., C, O].

    Its text is the key of a database: "f32 8x16x16x64 * 3x3x64x128! by 1x1 pad 1x1 1x1 spread 1x1"
    has strides of 1, is padded by one place on each side, its kernel is not spread (dilated), and
    frozen.

    Attributes:
        image: extents of the image, without padding.
        kernel: extents of the kernel.
        strides: of the windows.
        low: padding in front of the image.
        high: padding behind it.
        spread: the dilation of the kernel.
        frozen: whether no step changes the kernel.
        element: type of the elements.
    """

    image: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    spread: tuple[int, ...]
    frozen: bool = False
    element: str = "f32"

    @classmethod
    def parse(cls, text: str) -> Convolution:
        """The convolution of a text. Raises ValueError."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(
                f"'{text}' is no convolution; one is like "
                "'f32 8x16x16x64 * 3x3x64x128! by 1x1 pad 1x1 1x1 spread 1x1'"
            )
        element, image, kernel, frozen, *window = found.groups()
        sizes = [_numbers(each) for each in (image, kernel, *window)]
        made = cls(*sizes, frozen=bool(frozen), element=element)
        spatial = len(made.strides)
        if {len(image) for image in sizes[2:]} != {spatial} or not (
            len(made.image) == len(made.kernel) == spatial + 2 and made.image[-1] == made.kernel[-2]
        ):
            raise ValueError(f"'{text}' is no convolution: its extents do not fit each other")
        return made

    def __str__(self) -> str:
        return (
            f"{self.element} {_text(self.image)} * {_text(self.kernel)}{'!' * self.frozen} "
            f"by {_text(self.strides)} pad {_text(self.low)} {_text(self.high)} "
            f"spread {_text(self.spread)}"
        )

    @property
    def window(self) -> tuple[int, ...]:
        """Spatial extents of the kernel."""
        return self.kernel[:-2]

    @property
    def taps(self) -> int:
        """Places of the kernel."""
        return math.prod(self.window)

    @property
    def places(self) -> tuple[int, ...]:
        """Spatial extents of the result."""
        return tuple(
            (size + low + high - ((window - 1) * spread + 1)) // stride + 1
            for size, low, high, window, spread, stride in zip(
                self.image[1:-1],
                self.low,
                self.high,
                self.window,
                self.spread,
                self.strides,
                strict=True,
            )
        )

    @property
    def output(self) -> tuple[int, ...]:
        """Extents of the result."""
        return (self.image[0], *self.places, self.kernel[-1])

    @property
    def multiplications(self) -> int:
        """How many there are, padding included."""
        return math.prod(self.output) * self.taps * self.kernel[-2]

    @property
    def is_three_by_three(self) -> bool:
        """Whether Winograd's transforms are for it."""
        return self.window == (3, 3) and {*self.strides, *self.spread} == {1}

    def row(self, width: int) -> Product:
        """What one place of the kernel multiplies for one row of the result, made so wide.

        A block of registers is to lie within such a row, where the image is one run of memory or,
        by a stride, evenly spaced.
        """
        return Product(width, self.kernel[-1], self.kernel[-2], rhs_frozen=self.frozen)

    def stack(self, side: int) -> Product:
        """The products of Winograd's form, for squares of a side of the result."""
        squares = math.prod(-(-n // side) for n in self.places)
        return Product(
            self.image[0] * squares,
            self.kernel[-1],
            self.kernel[-2],
            ((side + 2) ** 2,),
            rhs_frozen=self.frozen,
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split("x"))


def _text(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))
