"""A loss of the user's, in PyTorch: the model and the loss as one module that can be exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pock_mlir.importers import ModelImportError

Structure = Callable[[Sequence[Tensor]], Any]
"""Puts the targets together again as the user gave them."""


class WithLoss(nn.Module):
    """`loss(model(inputs), targets)` as a module of flat arguments: the inputs, then the targets.

    It has the model's parameters under the model's own names (it shares its dictionaries), and
    those of a loss that is a module itself under `loss`.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[..., Any],
        names: Sequence[str | None],
        structure: Structure,
    ) -> None:
        """`names` has an entry per input: its keyword, None for one by position."""
        super().__init__()
        self._parameters, self._buffers = model._parameters, model._buffers
        self._non_persistent_buffers_set = model._non_persistent_buffers_set
        self._modules = dict(model._modules)
        if isinstance(loss, nn.Module):
            if "loss" in self._modules:
                raise ModelImportError(
                    "the model has a submodule 'loss': wrap the loss in a function"
                )
            self._modules["loss"] = loss
        # In the instance's dictionary: nn.Module would register the model under a name of its own.
        self.__dict__["_compute"] = (model, loss, list(names), structure)

    def forward(self, *arrays: Tensor) -> Any:
        """The loss of a batch."""
        model, loss, names, structure = self.__dict__["_compute"]
        inputs, targets = arrays[: len(names)], arrays[len(names) :]
        pairs = list(zip(names, inputs, strict=True))
        positional = [value for name, value in pairs if name is None]
        named = {name: value for name, value in pairs if name is not None}
        return loss(model(*positional, **named), structure(targets))


def flatten_targets(targets: Any) -> tuple[list[str], list[Tensor], Structure]:
    """Names of the targets, the targets as tensors, and what puts them together again.

    Raises:
        ModelImportError: they are neither an array, nor a sequence or mapping of arrays.
    """
    if isinstance(targets, Mapping):
        keys = list(targets)
        values = [_tensor(value) for value in targets.values()]
        return (
            [f"targets.{key}" for key in keys],
            values,
            lambda flat: dict(zip(keys, flat, strict=True)),
        )
    if isinstance(targets, (list, tuple)):
        names = [f"targets.{i}" for i in range(len(targets))]
        return names, [_tensor(value) for value in targets], tuple
    return ["targets"], [_tensor(targets)], lambda flat: flat[0]


def _tensor(value: Any) -> Tensor:
    if isinstance(value, (Tensor, np.ndarray, np.generic, int, float)):
        return torch.as_tensor(value)
    raise ModelImportError(
        f"example_targets must be an array, or a sequence or mapping of arrays, got {type(value)}"
    )
