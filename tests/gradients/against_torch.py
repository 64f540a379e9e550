"""Gradients of a PyTorch model, by this project and by PyTorch's autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import StringAttr
from pock_mlir.passes.differentiate import Differentiate
from pock_mlir.rewriting import functions
from tests.support.interpreter import Interpreter


class Weighted(nn.Module):
    """The outputs of a model times fixed weights, summed: a scalar that any model can have."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, weights: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        return (self.model(*inputs) * weights).sum()


def gradients_of(
    model: nn.Module, *inputs: torch.Tensor, training: bool = False
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Ours and PyTorch's gradients, by parameter name, of weighted outputs in f64."""
    model = Weighted(model.double().train(training))
    inputs = tuple(x.double() if x.is_floating_point() else x for x in inputs)
    with torch.no_grad():
        output = model.model(*inputs)
    weights = torch.linspace(0.5, 1.5, output.numel(), dtype=output.dtype).reshape(output.shape)
    ours = _ours(model, (weights, *inputs), training)
    model.zero_grad()
    model(weights, *inputs).backward()
    autograd = {
        name: parameter.grad.numpy()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return ours, autograd


def _ours(model: nn.Module, inputs: Any, training: bool) -> dict[str, np.ndarray]:
    imported = import_torch(model, inputs, training=training)
    for function in functions(imported.module):
        if function.attributes["sym_name"].value == "forward":
            with imported.context:
                function.attributes["sym_name"] = StringAttr.get("train_step")
    Differentiate().run(imported.module)
    outcome = Interpreter(imported.module)(imported.values, *[x.numpy() for x in inputs])
    return outcome.gradients


def assert_gradients_agree(model: nn.Module, *inputs: torch.Tensor, training: bool = False) -> None:
    """Check that each parameter has the gradient that autograd gives it."""
    ours, autograd = gradients_of(model, *inputs, training=training)
    assert set(ours) == set(autograd)
    for name, gradient in autograd.items():
        scale = np.abs(gradient).max() + 1e-3
        np.testing.assert_allclose(
            ours[name] / scale, gradient / scale, rtol=1e-6, atol=1e-6, err_msg=name
        )
