"""PyTorch's optimizers as ours are asked for: groups, and Lion, which PyTorch does not have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import pock_mlir as pock
from pock_mlir.optimizers import Optimizer


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of arXiv 2302.06675."""

    def __init__(
        self, params: Any, lr: float, betas: tuple[float, float], weight_decay: float
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert closure is None
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for w in group["params"]:
                average = self.state[w].setdefault("average", torch.zeros_like(w))
                direction = torch.sign(beta1 * average + (1 - beta1) * w.grad)
                w -= group["lr"] * (direction + group["weight_decay"] * w)
                average.mul_(beta2).add_(w.grad, alpha=1 - beta2)


def torch_optimizer(
    pieces: Sequence[tuple[str, Tensor]], optimizer: Optimizer
) -> torch.optim.Optimizer:
    """PyTorch's optimizer of the same arithmetic, for tensors by the name of their parameter."""
    class_, options = _class_and_options(optimizer)
    return class_([_group(name, piece, optimizer) for name, piece in pieces], **options)


def _group(name: str, piece: Tensor, optimizer: Optimizer) -> dict[str, Any]:
    matching = [group for group in optimizer.groups if group.options().matches(name)]
    if not matching:
        return {"params": [piece]}
    group = matching[-1]
    given = {n: getattr(group, n) for n in ("weight_decay", "momentum", "nesterov", "betas", "eps")}
    own = {key: value for key, value in given.items() if value is not None}
    return {"params": [piece], "lr": optimizer.lr * group.lr_scale, **own}


def _class_and_options(optimizer: Optimizer) -> tuple[Any, dict[str, Any]]:
    kinds: dict[type[Optimizer], tuple[Any, tuple[str, ...]]] = {
        pock.SGD: (torch.optim.SGD, ("momentum", "nesterov")),
        pock.Adam: (torch.optim.Adam, ("betas", "eps")),
        pock.AdamW: (torch.optim.AdamW, ("betas", "eps")),
        pock.Adafactor: (torch.optim.Adafactor, ("beta2_decay", "eps", "d")),
        pock.Lion: (Lion, ("betas",)),
    }
    class_, names = kinds[type(optimizer)]
    return class_, {name: getattr(optimizer, name) for name in (*names, "lr", "weight_decay")}
