"""Optimizers, as the user names them. The learning rate is an input of the compiled step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PassOptions = Mapping[str, Any]


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _require_range(name: str, value: float, low: float, high: float) -> None:
    _require(low <= value < high, f"{name} must be in [{low:g}, {high:g}), got {value!r}")


@dataclass(frozen=True)
class SGD:
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
        _require_range("lr", self.lr, 0, math.inf)
        _require_range("momentum", self.momentum, 0, 1)
        _require_range("weight_decay", self.weight_decay, 0, math.inf)
        _require(not self.nesterov or self.momentum > 0, "nesterov needs a momentum above 0")

    def pass_options(self) -> PassOptions:
        """The options of the pass `apply-optimizer`, by the names of its fields."""
        if self.momentum == 0:
            return {"kind": "sgd", "weight_decay": self.weight_decay}
        return {
            "kind": "momentum",
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight_decay": self.weight_decay,
        }


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), with PyTorch's arithmetic.

    Args:
        lr: the learning rate of a step that is not given another.
        betas: decay of the first and of the second moment, each in [0, 1).
        eps: added to the denominator.
        weight_decay: weights are multiplied by `1 - lr * weight_decay`.

    Raises:
        ValueError: a value is out of range.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _require_range("lr", self.lr, 0, math.inf)
        _require(len(self.betas) == 2, f"betas must be two numbers, got {self.betas!r}")
        for i, beta in enumerate(self.betas):
            _require_range(f"betas[{i}]", beta, 0, 1)
        _require(0 < self.eps < math.inf, f"eps must be positive, got {self.eps!r}")
        _require_range("weight_decay", self.weight_decay, 0, math.inf)

    def pass_options(self) -> PassOptions:
        """The options of the pass `apply-optimizer`, by the names of its fields."""
        return {
            "kind": "adamw",
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "epsilon": self.eps,
            "weight_decay": self.weight_decay,
        }


Optimizer = SGD | AdamW
