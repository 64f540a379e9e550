"""ExecuTorch: its training module, on the joint forward and backward graph that PyTorch exports."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

import torch
from torch.export.experimental import _export_forward_backward

from benchmarks.peers.frameworks.pytorch import load_model
from benchmarks.peers.job import CannotTrain, Job, Step

exir: Any = importlib.import_module("executorch.exir")
training: Any = importlib.import_module("executorch.extension.training")
VERSION = metadata.version("executorch")


class WithLoss(torch.nn.Module):
    """The model and its loss, which a training module has to return first."""

    def __init__(self, model: torch.nn.Module, language_model: bool) -> None:
        super().__init__()
        self.model = model
        self.language_model = language_model

    def forward(self, labels: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """The mean cross-entropy."""
        outputs = self.model(*inputs)
        if self.language_model:
            outputs, labels = outputs[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
        return torch.nn.functional.cross_entropy(outputs, labels)


def build(job: Job) -> Step:
    """A step of SGD with momentum."""
    torch.set_num_threads(job.threads)
    model = load_model(job)
    inputs, targets = job.batch()
    batch = [torch.from_numpy(targets).long(), *(torch.from_numpy(each) for each in inputs)]
    module = load(WithLoss(model, job.language_model), tuple(batch))
    method = "forward"
    masks = {f"model.{name}": job.mask(name, tuple(p.shape)) for name, p in _trained(model)}
    kept = {name: torch.from_numpy(mask) for name, mask in masks.items() if mask is not None}
    rate, momentum = job.facts["learning_rate"], job.facts["momentum"]
    optimizer: Any = None

    def step() -> float:
        nonlocal optimizer
        loss = module.forward_backward(method, batch)[0].item()
        gradients = module.named_gradients()
        for name, mask in kept.items():
            gradients[name].mul_(mask)
        if optimizer is None:  # parameters are there after the first run only
            optimizer = training.get_sgd_optimizer(module.named_parameters(), rate, momentum)
        optimizer.step(gradients)
        return loss

    return step


def load(model: torch.nn.Module, batch: tuple[torch.Tensor, ...]) -> Any:
    """The model's program, in ExecuTorch's runtime. Raises CannotTrain with its message."""
    program = torch.export.export(model, batch, strict=False)
    joint = _export_forward_backward(program)
    lowered = exir.to_edge(joint).to_executorch()
    try:
        return training._load_for_executorch_for_training_from_buffer(lowered.buffer)
    except RuntimeError as error:
        raise CannotTrain(str(error)) from error


def _trained(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
