"""Gradients of depthwise convolutions: kernels that read what they need of dy where it lies.

Places of the image that leave the same remainders by the strides meet the same taps of the kernel,
and dy at places of their own number: for them, nothing is spread out by zeros. So one loop, over
the numbers of places and channels, computes the gradient by the image, and another one sums up that
by the kernel.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pock_mlir.backends.iree.contraction import lowering_info, vector_length
from pock_mlir.backends.iree.dispatch import Binding, dispatch
from pock_mlir.backends.iree.linalg import ScalarArithmetic, generic, zeros
from pock_mlir.backends.iree.workgroups import largest_divisor
from pock_mlir.dialects.constants import splat_of
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import Attribute, F32Type, Module, OpResult, RankedTensorType, Value
from pock_mlir.passes.kernels.form import ConvGeometry
from pock_mlir.passes.lower_pock import geometry_of, preferred_form
from pock_mlir.passes.patterns import producer, unreshaped
from pock_mlir.rewriting import named_ops, replace_op

_SUMS = 12
"""Vectors of sums that the registers hold beside what is multiplied."""
_MOST_TAPS = 49
"""Places of a kernel above which so large a loop takes long to compile."""
_FEWEST_GROUPS = 4
"""For threads to share a sum."""
_CHAINS = 4
"""Places that are computed side by side, so that one sum need not wait for its last term."""


@dataclass(frozen=True)
class _Tap:
    """A place of the kernel.

    Attributes:
        place: where it is.
        remainders: of the places of the image that meet it, by the strides.
        shifts: what is taken from the number of such a place for the place of dy.
    """

    place: tuple[int, ...]
    remainders: tuple[int, ...]
    shifts: tuple[int, ...]


@dataclass(frozen=True)
class Places:
    """How the places of an image, of dy and of the kernel meet.

    Attributes:
        g: the convolution; its image is a multiple of the strides.
        taps: its places, in row-major order.
    """

    g: ConvGeometry
    taps: Sequence[_Tap]

    @classmethod
    def of(cls, g: ConvGeometry) -> Places | None:
        """None for what has no such kernels.

        That is other ranks, kernels of very many places, and images that strides do not divide.
        """
        sizes = zip(g.image[1:-1], g.strides, strict=True)
        if g.spatial != 2 or math.prod(g.window) > _MOST_TAPS:
            return None
        if any(size % stride for size, stride in sizes):
            return None
        return cls(g, [_tap(g, place) for place in itertools.product(*map(range, g.window))])

    @property
    def numbers(self) -> list[int]:
        """How many places of the image leave the same remainders, in each dimension."""
        sizes = zip(self.g.image[1:-1], self.g.strides, strict=True)
        return [size // stride for size, stride in sizes]

    def padded(self, b: Builder, dy: Value) -> Value:
        """dy, with zeros wherever a place of the image meets none of it."""
        high = [
            max(0, count - 1 - min(shifts) - (size - 1))
            for count, shifts, size in zip(
                self.numbers, self._shifts, self.g.output[1:-1], strict=True
            )
        ]
        return b.pad(dy, [0, *self._low, 0], [0, *high, 0])

    def of_dy(self, padded: Value, tap: _Tap) -> Binding:
        """What of dy meets a tap, for every number of a place."""
        shape = [self.g.image[0], *self.numbers, self.g.image[-1]]
        begin = [low - shift for low, shift in zip(self._low, tap.shifts, strict=True)]
        return Binding(padded, [0, *begin, 0], shape, shape)

    def of_image(self, image: Value, remainders: Sequence[int]) -> Binding:
        """The places of the image that leave the remainders."""
        shape = [self.g.image[0], *self.numbers, self.g.image[-1]]
        return Binding(image, [0, *remainders, 0], shape, shape, strides=[1, *self.g.strides, 1])

    @property
    def _shifts(self) -> list[list[int]]:
        return [list(each) for each in zip(*(tap.shifts for tap in self.taps), strict=True)]

    @property
    def _low(self) -> list[int]:
        return [max(0, *shifts) for shifts in self._shifts]


def _tap(g: ConvGeometry, place: tuple[int, ...]) -> _Tap:
    offsets = [i * d - low for i, d, low in zip(place, g.dilations, g.low, strict=True)]
    both = [divmod(offset, stride) for offset, stride in zip(offsets, g.strides, strict=True)]
    return _Tap(place, tuple(r for _, r in both), tuple(shift for shift, _ in both))


def lower_depthwise(module: Module, width: int) -> None:
    """Lower the gradients of depthwise convolutions that `lower-pock{keep=depthwise}` left.

    A vector has `width` numbers. Those that have no kernel here, and with a width of 0 all, are
    lowered as `lower-pock` does it.
    """
    for op in named_ops(module, *_KERNELS):
        g = geometry_of(op)
        if not g.depthwise:
            continue
        places = Places.of(g) if width and _is_f32(op) else None
        y = None if places is None else _KERNELS[op.operation.name](op, places, width)
        if y is None:
            y = preferred_form(op).build(Builder.before(op), op)
        replace_op(op, y)


def _image_kernel(op: Any, places: Places, width: int) -> Value | None:
    if len({tap.remainders for tap in places.taps}) < math.prod(places.g.strides):
        return None  # IREE cannot distribute a kernel that also writes zeros
    b = Builder.before(op)
    bounds, last = _bounds(op)
    y = image_gradient(b, op.output_gradient, op.kernel, places, width, bounds)
    if bounds:  # what computed them from the gradient is dead now
        last.replace_all_uses_with(b.reshape(y, shape_of(last)))
    return y


def _kernel_kernel(op: Any, places: Places, width: int) -> Value | None:
    if places.numbers[-1] % 2:
        return None
    return kernel_gradient(Builder.before(op), op.image, op.output_gradient, places, width)


_KERNELS: dict[str, Callable[[Any, Places, int], Value | None]] = {
    "pock.conv_input_gradient": _image_kernel,
    "pock.conv_kernel_gradient": _kernel_kernel,
}


def _is_f32(op: Any) -> bool:
    return isinstance(type_of(op.operation.results[0]).element_type, F32Type)


# ---- by the image ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """Where an activation in front of the convolution lets a gradient pass.

    Attributes:
        of: what it was given, as large as the image.
        direction: "GT" if the gradient passes where that is above a number, "LT" where below.
        number: that number.
    """

    of: Value
    direction: str
    number: float


def _bounds(op: Any) -> tuple[list[Bound], Value]:
    """The bounds that a gradient by the image alone is given, and what is the result of that."""
    value = last = op.operation.results[0]
    found: list[Bound] = []
    while len(uses := list(value.uses)) == 1:
        user = uses[0].owner.operation
        if user.block != op.operation.block:
            break
        if user.name == "stablehlo.select" and (bound := _bound(op, user, value)):
            found.append(bound)
            last = user.results[0]
        elif user.name != "stablehlo.reshape":
            break
        value = user.results[0]
    return found, last


def _bound(op: Any, select: Any, gradient: Value) -> Bound | None:
    """That of a select between a gradient and 0, if what it depends on is there before `op`."""
    predicate, then, other = select.operands
    compare = producer(predicate, "stablehlo.compare")
    if compare is None or then != gradient or splat_of(other) != 0:
        return None
    direction = re.search(r"GT|LT", str(compare.attributes["comparison_direction"]))
    given, number = compare.operands[0], splat_of(compare.operands[1])
    if direction is None or number is None or given.type != gradient.type:
        return None
    given = unreshaped(given)
    if isinstance(given, OpResult) and not given.owner.operation.is_before_in_block(op.operation):
        return None
    return Bound(given, direction[0], number)


def image_gradient(
    b: Builder,
    dy: Value,
    kernel: Value,
    places: Places,
    width: int,
    bounds: Sequence[Bound] = (),
) -> Value:
    """The sum, over the taps that a place meets, of dy times the kernel; 0 out of `bounds`."""
    g = places.g
    padded = places.padded(b, dy)
    shape = [g.image[0], *places.numbers, g.image[-1]]
    result = RankedTensorType.get(g.image, type_of(dy).element_type)
    empty = b.create("flow.tensor.empty", [], [result]).results[0]
    remainders = list(itertools.product(*map(range, g.strides)))
    by_shifts = {tap.shifts: places.of_dy(padded, tap) for tap in places.taps}
    weights = [_weights(kernel, tap) for tap in places.taps]
    written = [places.of_image(empty, each).as_written() for each in remainders]
    number = {shifts: i for i, shifts in enumerate(by_shifts)}
    images = {bound.of: b.reshape(bound.of, g.image) for bound in bounds}
    given = {
        (of, each): places.of_image(image, each)
        for of, image in images.items()
        for each in remainders
    }
    first = len(by_shifts) + len(weights)
    of_bound = {key: first + i for i, key in enumerate(given)}
    every, channel = [0, 1, 2, 3], [3]
    maps = [
        *([every] * len(by_shifts)),
        *([channel] * len(weights)),
        *([every] * (len(given) + len(written))),
    ]

    def body(a: ScalarArithmetic, inputs: list[Value], _: list[Value]) -> list[Value]:
        def bounded(total: Value, remainder: tuple[int, ...]) -> Value:
            for bound in bounds:
                x = inputs[of_bound[bound.of, remainder]]
                total = a.where(x, bound.direction, bound.number, total, a.constant(0.0))
            return total

        totals: dict[tuple[int, ...], Value] = {}
        for tap, weight in zip(places.taps, inputs[len(number) : first], strict=True):
            term = a.multiply(inputs[number[tap.shifts]], weight)
            before = totals.get(tap.remainders)
            totals[tap.remainders] = term if before is None else a.add(before, term)
        return [bounded(totals[each], each) for each in remainders]

    def compute(inner: Builder, inputs: list[Value], old: list[Value]) -> list[Value]:
        attributes = _image_configuration(shape, width)
        return generic(inner, inputs, old, maps, len(shape), [], body, attributes)

    (dx,) = dispatch(b, [*by_shifts.values(), *weights, *given.values()], written, compute)
    return dx


def _weights(kernel: Value, tap: _Tap) -> Binding:
    """A tap's number for each channel, of a kernel [kh, kw, 1, C]."""
    channels = shape_of(kernel)[-1]
    return Binding(kernel, [*tap.place, 0, 0], [1, 1, 1, channels], [channels])


def _image_configuration(shape: Sequence[int], width: int) -> dict[str, Attribute]:
    images, high, wide, channels = shape
    rows = largest_divisor(high, max(1, images * high // 8))
    return lowering_info(
        distribution=[1, rows, wide, channels],
        vector_common_parallel=[
            1,
            1,
            largest_divisor(wide, _CHAINS),
            vector_length(channels, width),
        ],
    )


# ---- by the kernel ---------------------------------------------------------------------------


def kernel_gradient(b: Builder, image: Value, dy: Value, places: Places, width: int) -> Value:
    """The sum, over images, of what `_sums` computes of each."""
    padded = places.padded(b, dy)
    shape = [places.g.image[0], len(places.taps), places.g.image[-1]]
    each = RankedTensorType.get(shape, type_of(dy).element_type)
    sums = b.create("flow.tensor.empty", [], [each]).results[0]
    for first in range(0, len(places.taps), _SUMS):
        sums = _sums(b, image, padded, sums, places, first, width)
    total = b.reduce_add(sums, [0]) if shape[0] > 1 else sums
    return b.reshape(total, places.g.kernel)


def _sums(
    b: Builder, image: Value, padded: Value, sums: Value, places: Places, first: int, width: int
) -> Value:
    """For each image, some taps, and channel: the sum over places of the image times dy.

    Two neighbours at a time: what IREE takes for a contraction, it multiplies number by number.
    """
    taps = places.taps[first : first + _SUMS]
    reads: dict[Any, Binding] = {}
    for tap, half in itertools.product(taps, (0, 1)):
        reads[half, "image", tap.remainders] = _half(places.of_image(image, tap.remainders), half)
        reads[half, "dy", tap.shifts] = _half(places.of_dy(padded, tap), half)
    number = {key: i for i, key in enumerate(reads)}
    images, _, channels = shape_of(sums)
    shape = [images, channels]
    written = [
        Binding(sums, [0, first + i, 0], [images, 1, channels], shape, written=True)
        for i in range(len(taps))
    ]
    maps = [*([[0, 2, 3, 1]] * len(reads)), *([[0, 1]] * len(taps))]

    def body(a: ScalarArithmetic, inputs: list[Value], totals: list[Value]) -> list[Value]:
        def product(tap: _Tap, half: int) -> Value:
            x = inputs[number[half, "image", tap.remainders]]
            return a.multiply(x, inputs[number[half, "dy", tap.shifts]])

        both = [a.add(product(tap, 0), product(tap, 1)) for tap in taps]
        return [a.add(total, x) for total, x in zip(totals, both, strict=True)]

    def compute(inner: Builder, inputs: list[Value], old: list[Value]) -> list[Value]:
        initial = [zeros(inner, shape, type_of(sums).element_type) for _ in old]
        attributes = _sum_configuration(images, channels, width)
        return generic(inner, inputs, initial, maps, 4, [2, 3], body, attributes)

    (new,) = dispatch(b, list(reads.values()), written, compute)
    return new


def _half(places: Binding, half: int) -> Binding:
    """Of [N, H, W, C], every other place of a row."""
    images, high, wide, channels = places.sizes
    shape = [images, high, wide // 2, channels]
    one, down, along, each = places.strides or [1] * 4
    first, top, left, channel = places.offsets
    assert isinstance(left, int), "the place is known"
    return Binding(
        places.value,
        [first, top, left + half * along, channel],
        shape,
        shape,
        strides=[one, down, 2 * along, each],
    )


def _sum_configuration(images: int, channels: int, width: int) -> dict[str, Attribute]:
    length = vector_length(channels, width)
    vectors = channels // length
    group = length * largest_divisor(vectors, max(1, vectors * images // _FEWEST_GROUPS))
    return lowering_info(
        distribution=[1, group, 0, 0],
        vector_common_parallel=[1, length, 0, 0],
        vector_reduction=[0, 0, 1, 1],
    )
