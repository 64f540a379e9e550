"""What of one parameter is trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Run = tuple[int, int]


@dataclass(frozen=True)
class Selection:
    """The trained part of a parameter: nothing, everything, some indices of one axis, or a term.

    `axis` is a dimension of the framework's shape and `runs` are the half-open, ascending,
    disjoint intervals [start, stop) of its indices that are trained; the runs mean
    something for the kind "slice" only. The kind "lora" trains `scale * B A`, a term of rank `rank`
    that is added to the parameter, which itself stays as it is; `axis` is its "out".
    """

    kind: Literal["frozen", "all", "slice", "lora"]
    axis: int = 0
    runs: tuple[Run, ...] = ()
    rank: int = 0
    scale: float = 1.0

    @classmethod
    def of_indices(cls, axis: int, indices: Iterable[int], size: int) -> Selection:
        """The selection of `indices` of an axis of `size`; ALL when those are all of them."""
        runs = contiguous_runs(indices)
        return ALL if runs == ((0, size),) else cls("slice", axis, runs)

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return self.kind != "frozen"

    def elements(self, shape: Sequence[int]) -> int:
        """How many elements of a parameter of `shape` are trained."""
        if self.kind == "frozen":
            return 0
        if self.kind == "all":
            return math.prod(shape)
        if self.kind == "lora":
            out = shape[self.axis]
            return self.rank * (out + math.prod(shape) // out)
        selected = sum(stop - start for start, stop in self.runs)
        return selected * math.prod(n for i, n in enumerate(shape) if i != self.axis)


FROZEN = Selection("frozen")
ALL = Selection("all")


def contiguous_runs(indices: Iterable[int]) -> tuple[Run, ...]:
    """The maximal intervals [start, stop) that make up `indices`, ascending."""
    runs: list[Run] = []
    for index in sorted(indices):
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return tuple(runs)
