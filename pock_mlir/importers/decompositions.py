"""Which PyTorch operators are taken apart before torch-mlir sees them, and into what."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pock_mlir.ir import fx_decompositions

aten = torch.ops.aten


def decompositions() -> dict[Any, Callable[..., Any]]:
    """torch-mlir's table of decompositions, with ours in place of those that cost too much."""
    return {**fx_decompositions(), aten.var_mean.correction: var_mean, aten.var.correction: var}


def var_mean(
    x: Tensor,
    dim: Sequence[int] | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[Tensor, Tensor]:
    """Variance and mean in the element type of x; torch-mlir's own computes them in f64."""
    dims = list(range(x.dim())) if not dim else list(dim)
    count = math.prod(x.shape[d] for d in dims)
    mean = torch.mean(x, dims, keepdim=True)
    centred = x - mean
    total = torch.sum(centred * centred, dims, keepdim=keepdim)
    variance = total / max(count - (1 if correction is None else correction), 0)
    return variance, mean if keepdim else torch.squeeze(mean, dims)


def var(
    x: Tensor,
    dim: Sequence[int] | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> Tensor:
    """The first of var_mean."""
    return var_mean(x, dim, correction=correction, keepdim=keepdim)[0]
