"""A Keras model on the PyTorch backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from pock_mlir.importers import ImportedModel
from pock_mlir.importers.axes import mark_axes
from pock_mlir.importers.torch import import_torch


class _Stateless(nn.Module):
    """The model with its variables as parameters and buffers of this module, by their paths."""

    def __init__(self, model: Any, structure: Any) -> None:
        super().__init__()
        self._call, self._structure = model.stateless_call, structure
        self._weights = [variable.path for variable in model.trainable_variables]
        self._others = [variable.path for variable in model.non_trainable_variables]
        for variable in model.trainable_variables:
            value = variable.value.detach().cpu()
            self.register_parameter(variable.path, nn.Parameter(value))
        for variable in model.non_trainable_variables:
            self.register_buffer(variable.path, variable.value.detach().cpu().clone())

    def forward(self, *tensors: Tensor) -> Any:
        """The outputs for the inputs, flattened; assigns what Keras updates in training mode."""
        arguments = pytree.tree_unflatten(tensors, self._structure)
        weights = [self._parameters[path] for path in self._weights]
        others = [self._buffers[path] for path in self._others]
        outputs, changed = self._call(weights, others, *arguments, training=self.training)
        for old, new in zip(others, changed, strict=True):
            if self.training and old is not None and old is not new:
                old.copy_(new)
        return outputs


def import_keras_on_torch(
    model: Any,
    arguments: list[Any],
    *,
    training: bool,
    loss: Callable[..., Any] | None,
    example_targets: Any,
) -> ImportedModel:
    """Import a built Keras model that is called with `arguments`; see `import_keras`."""
    from pock_mlir.importers.keras import refuse_losses

    refuse_losses(list(model.losses))
    leaves, structure = pytree.tree_flatten(arguments)
    tensors = [torch.as_tensor(leaf).cpu() for leaf in leaves]
    imported = import_torch(
        _Stateless(model, structure),
        tensors,
        training=training,
        loss=loss,
        example_targets=example_targets,
    )
    mark_axes(imported.module)
    return imported
