"""Learning-rate schedules: a factor by which the learning rate of each update is multiplied.

The compiled step computes the factor itself, from a count of updates that belongs to its state; so
a run that is resumed goes on where it was. Updates count from 0. For the first `warmup` updates the
factor rises: (update + 1) / warmup; then the schedule begins with 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from pock_mlir.optimizers.checks import require, require_count, require_range


@dataclass(frozen=True, kw_only=True)
class Constant:
    """1, after `warmup` updates."""

    warmup: int = 0

    def __post_init__(self) -> None:
        require_count("warmup", self.warmup, 0)

    def factor(self, update: int) -> float:
        """What the learning rate of an update, from 0, is multiplied by."""
        if update < self.warmup:
            return (update + 1) / self.warmup
        return self._after(update - self.warmup)

    def _after(self, update: int) -> float:
        return 1.0

    def pass_options(self) -> dict[str, Any]:
        """The options of `schedule-learning-rate`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": type(self).__name__.lower(), **values}

    def __str__(self) -> str:
        kind, *rest = self.pass_options().values()
        names = [field.name for field in fields(self)]
        return " ".join([str(kind), *(f"{n}={v}" for n, v in zip(names, rest, strict=True))])


@dataclass(frozen=True, kw_only=True)
class Step(Constant):
    """Multiplied by `decay` after every `every` updates."""

    every: int
    decay: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("every", self.every, 1)
        require(0 < self.decay <= 1, f"decay must be in (0, 1], got {self.decay!r}")

    def _after(self, update: int) -> float:
        return self.decay ** (update // self.every)


@dataclass(frozen=True, kw_only=True)
class Cosine(Constant):
    """From 1 to `final` along half a cosine (Loshchilov & Hutter 2017), at update `steps`.

    `steps` counts the warm-up; later updates keep `final`.
    """

    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("steps", self.steps, self.warmup + 1)
        require_range("final", self.final, 0, math.inf)

    def _progress(self, update: int) -> float:
        return min(1.0, update / (self.steps - self.warmup))

    def _after(self, update: int) -> float:
        half = (1 + math.cos(math.pi * self._progress(update))) / 2
        return self.final + (1 - self.final) * half


@dataclass(frozen=True, kw_only=True)
class Linear(Cosine):
    """From 1 to `final` along a line, at update `steps`; the rest is as for Cosine."""

    def _after(self, update: int) -> float:
        return 1 + (self.final - 1) * self._progress(update)


Schedule = Constant
"""Any of them."""
