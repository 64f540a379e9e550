"""Optimizers, as the user names them. The learning rate is an input of the compiled step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pock_mlir.optimizers.checks import require, require_count, require_range
from pock_mlir.optimizers.groups import Group, groups_text
from pock_mlir.optimizers.schedules import Constant, Cosine, Linear, Schedule, Step

__all__ = [
    "SGD",
    "Adafactor",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Group",
    "Linear",
    "Lion",
    "Optimizer",
    "Schedule",
    "Step",
]

PassOptions = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """What every optimizer can be told besides.

    Args:
        lr: the learning rate of a step that is not given another.
        groups: other options for parameters by the pattern of their name; the last match holds.
        schedule: a factor for the learning rate of each update, computed in the step.
        clip_value: gradients are cut to [-clip_value, clip_value] (`clip_grad_value_`).
        clip_norm: gradients are scaled down so that their norm, over everything that is trained,
            is at most this (`clip_grad_norm_`). They are in memory until the norm is known.
        clip_twice: compute gradients a second time instead, where that takes less memory.
        accumulate: weights change every so many batches, by the mean of their gradients; the loss
            of each is a mean, so this is as good as one batch of all of them.

    Raises:
        ValueError: a value is out of range, or both kinds of clipping are asked for.
    """

    lr: float
    groups: Sequence[Group] = ()
    schedule: Schedule | None = None
    clip_value: float | None = None
    clip_norm: float | None = None
    clip_twice: bool = False
    accumulate: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))
        for name in ("clip_value", "clip_norm"):
            value = getattr(self, name)
            finite = value is None or 0 < value < math.inf
            require(finite, f"{name} must be positive and finite, got {value!r}")
        both = self.clip_value is not None and self.clip_norm is not None
        require(not both, "clip_value and clip_norm exclude each other")
        needed = self.clip_norm is not None or not self.clip_twice
        require(needed, "clip_twice is for clip_norm")
        require_count("accumulate", self.accumulate, 1)

    def pass_options(self) -> PassOptions:
        """The options of the pass `apply-optimizer`, by the names of its fields."""
        grouped = {"groups": groups_text(self.groups)} if self.groups else {}
        return {**self._options(), **grouped}

    @abstractmethod
    def _options(self) -> PassOptions:
        """What `pass_options` has besides the groups."""

    def pipeline_options(self) -> PassOptions:
        """What `training_pipeline` is told besides the optimizer: batches, clipping, schedule."""
        clip: dict[str, Any] = {}
        if self.clip_value is not None:
            clip["value"] = self.clip_value
        if self.clip_norm is not None:
            clip |= {"norm": self.clip_norm, "gradients": "twice" if self.clip_twice else "held"}
        schedule = None if self.schedule is None else self.schedule.pass_options()
        return {"accumulate": self.accumulate, "clip": clip or None, "schedule": schedule}

    def to_dict(self) -> dict[str, Any]:
        """For a manifest: the pass's options, the learning rate, and what else is asked for."""
        common = {
            "schedule": None if self.schedule is None else str(self.schedule),
            "clip_value": self.clip_value,
            "clip_norm": self.clip_norm,
            "clip_twice": self.clip_twice or None,
            "accumulate": None if self.accumulate == 1 else self.accumulate,
        }
        given = {key: value for key, value in common.items() if value is not None}
        return {"lr": self.lr, **self.pass_options(), **given}


def _require_rate(lr: float, weight_decay: float) -> None:
    require_range("lr", lr, 0, math.inf)
    require_range("weight_decay", weight_decay, 0, math.inf)


def _require_betas(betas: tuple[float, float]) -> None:
    require(len(betas) == 2, f"betas must be two numbers, got {betas!r}")
    for i, beta in enumerate(betas):
        require_range(f"betas[{i}]", beta, 0, 1)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with PyTorch's arithmetic.

    Args:
        lr: the learning rate of a step that is not given another.
        momentum: decay of the velocity, in [0, 1); with 0 no velocity is kept.
        nesterov: look ahead along the velocity.
        weight_decay: `weight_decay * w` is added to the gradient.

    Raises:
        ValueError: a value is out of range, or `nesterov` is asked for without momentum.
    """

    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate(self.lr, self.weight_decay)
        require_range("momentum", self.momentum, 0, 1)
        require(not self.nesterov or self.momentum > 0, "nesterov needs a momentum above 0")

    def _options(self) -> PassOptions:
        if self.momentum == 0 and not any(group.momentum for group in self.groups):
            return {"kind": "sgd", "weight_decay": self.weight_decay}
        return {
            "kind": "momentum",
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight_decay": self.weight_decay,
        }


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015), with PyTorch's arithmetic.

    Args:
        lr: the learning rate of a step that is not given another.
        betas: decay of the first and of the second moment, each in [0, 1).
        eps: added to the denominator.
        weight_decay: `weight_decay * w` is added to the gradient.

    Raises:
        ValueError: a value is out of range.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate(self.lr, self.weight_decay)
        _require_betas(self.betas)
        require(0 < self.eps < math.inf, f"eps must be positive, got {self.eps!r}")

    def _options(self) -> PassOptions:
        return {
            "kind": type(self).__name__.lower(),
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "epsilon": self.eps,
            "weight_decay": self.weight_decay,
        }


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), with PyTorch's arithmetic.

    Args:
        lr: the learning rate of a step that is not given another.
        betas: decay of the first and of the second moment, each in [0, 1).
        eps: added to the denominator.
        weight_decay: weights are multiplied by `1 - lr * weight_decay`.

    Raises:
        ValueError: a value is out of range.
    """

    weight_decay: float = 0.01


@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion (Chen et al. 2023, arXiv 2302.06675): steps of one size, along the sign of an average.

    Args:
        lr: the learning rate of a step that is not given another; a tenth of AdamW's, say.
        betas: how much of the average goes into the step, and stays in the average.
        weight_decay: weights are multiplied by `1 - lr * weight_decay`.

    Raises:
        ValueError: a value is out of range.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate(self.lr, self.weight_decay)
        _require_betas(self.betas)

    def _options(self) -> PassOptions:
        return {
            "kind": "lion",
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "weight_decay": self.weight_decay,
        }


@dataclass(frozen=True)
class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018, arXiv 1804.04235), with PyTorch's arithmetic.

    Of a matrix it keeps the means of squared gradients by row and by column only: the least state
    of all that adapt. The price: a weight's gradient is in memory while that weight is updated.

    Args:
        lr: the learning rate of a step that is not given another; `1 / sqrt(step)` bounds it.
        beta2_decay: `step ** beta2_decay` is the weight of the newest gradient.
        eps: the least root of the second moment (None: the precision of the weights), and the
            least root mean square of a weight that a step is in proportion to.
        d: the largest root mean square of an update.
        weight_decay: weights are multiplied by `1 - lr * weight_decay`.

    Raises:
        ValueError: a value is out of range.
    """

    lr: float = 1e-2
    beta2_decay: float = -0.8
    eps: tuple[float | None, float] = (None, 1e-3)
    d: float = 1.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_rate(self.lr, self.weight_decay)
        falls = -math.inf < self.beta2_decay <= 0
        require(falls, f"beta2_decay must not be above 0, got {self.beta2_decay!r}")
        require(len(self.eps) == 2, f"eps must be two numbers, got {self.eps!r}")
        first, second = self.eps
        least = min(1.0 if first is None else first, second)
        require(0 < least < math.inf, f"eps must be positive, got {self.eps!r}")
        require(1 <= self.d < math.inf, f"d must be at least 1, got {self.d!r}")

    def _options(self) -> PassOptions:
        return {
            "kind": "adafactor",
            "beta2_decay": self.beta2_decay,
            "epsilon1": self.eps[0] or 0.0,
            "epsilon2": self.eps[1],
            "threshold": self.d,
            "weight_decay": self.weight_decay,
        }
