"""Forms of the gradient of max-pooling."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import Value
from pock_mlir.passes.kernels.form import Form, always, ints


@dataclass(frozen=True)
class _Pooling:
    """The numbers of a pooling, one entry per dimension."""

    window: list[int]
    strides: list[int]
    low: list[int]
    high: list[int]
    image: list[int]
    pooled: list[int]

    @classmethod
    def of(cls, op: Any) -> _Pooling:
        return cls(
            ints(op, "window_dimensions"),
            ints(op, "window_strides"),
            ints(op, "padding_low"),
            ints(op, "padding_high"),
            shape_of(op.image),
            shape_of(op.pooled),
        )

    @property
    def coarse(self) -> list[int]:
        """How many strides the padded image is long, rounded up."""
        padded = [n + lo + hi for n, lo, hi in zip(self.image, self.low, self.high, strict=True)]
        return [-(-size // stride) for size, stride in zip(padded, self.strides, strict=True)]


Place = tuple[int, ...]


def _shares(b: Builder, op: Any, p: _Pooling) -> dict[Place, Value]:
    """For each place of the window, dy where it is the first maximum of its window, else 0."""
    image = b.pad(op.image, p.low, p.high, value=-math.inf)
    nothing = b.zeros_like(op.output_gradient)
    taken = None
    shares: dict[Place, Value] = {}
    for place in itertools.product(*(range(n) for n in p.window)):
        limit = [
            first + (n - 1) * stride + 1
            for first, n, stride in zip(place, p.pooled, p.strides, strict=True)
        ]
        is_maximum = b.compare("EQ", b.slice(image, place, limit, p.strides), op.pooled)
        first = is_maximum if taken is None else b.logical_and(is_maximum, b.logical_not(taken))
        taken = is_maximum if taken is None else b.logical_or(taken, is_maximum)
        shares[place] = b.select(first, op.output_gradient, nothing)
    return shares


def _phases(b: Builder, op: Any) -> Value:
    """Sum up the pixels of each phase of the stride on the coarse grid, then interleave the phases.

    A pixel of phase r is seen through places r, r + stride, ... of windows that begin 0, 1, ...
    strides before it. Summing at full size would keep a full-size tensor per place of the window.
    """
    p = _Pooling.of(op)
    shares = _shares(b, op, p)
    phases = []
    for phase in itertools.product(*(range(n) for n in p.strides)):
        total = None
        for place, shifts in _through(phase, p):
            room = [n - m - shift for n, m, shift in zip(p.coarse, p.pooled, shifts, strict=True)]
            share = b.pad(shares[place], shifts, room)
            total = share if total is None else b.add(total, share)
        if total is None:
            total = b.pad(b.zeros_like(op.pooled), [0] * len(phase), _rest(p))
        phases.append(total)
    whole = _interleave(b, phases, p)
    end = [lo + n for lo, n in zip(p.low, p.image, strict=True)]
    return b.slice(whole, p.low, end)


def _through(phase: Place, p: _Pooling) -> Iterator[tuple[Place, list[int]]]:
    """The places of the window through which pixels of `phase` are seen, and how far back."""
    per_dimension = [
        range(first, window, stride)
        for first, window, stride in zip(phase, p.window, p.strides, strict=True)
    ]
    for place in itertools.product(*per_dimension):
        yield place, [tap // stride for tap, stride in zip(place, p.strides, strict=True)]


def _rest(p: _Pooling) -> list[int]:
    return [n - m for n, m in zip(p.coarse, p.pooled, strict=True)]


def _interleave(b: Builder, phases: Sequence[Value], p: _Pooling) -> Value:
    """The phases, in row-major order of their offsets, as one tensor at full size."""
    rank = len(p.strides)
    stacked = b.concatenate([b.reshape(phase, [1, *p.coarse]) for phase in phases], 0)
    split = b.reshape(stacked, [*p.strides, *p.coarse])
    order = [i for pair in zip(range(rank, 2 * rank), range(rank), strict=True) for i in pair]
    full = [n * stride for n, stride in zip(p.coarse, p.strides, strict=True)]
    return b.reshape(b.transpose(split, order), full)


FORMS = [Form("phases", always, _phases)]
