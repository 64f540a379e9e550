"""The PyTorch side of comparisons: the test models, the schemes and optimizers they are trained
with, and training that updates exactly what a scheme selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir import zoo
from pock_mlir.optimizers import Optimizer
from pock_mlir.zoo.layers import calibrate_batch_norm
from tests.support.torch_optimizers import torch_optimizer

CLASSES = 5
BRANCH = 0.05
"""Scale of an inverted residual's branch."""

CHANNELS = {
    "mlp": """
        [[rule]]
        match = "layers.0.weight"
        update = "slice"
        axis = "out"
        indices = [0, 1, 2, 5, 9, 10]
        [[rule]]
        match = "layers.1.weight"
        update = "slice"
        axis = "in"
        ratio = 0.5
        [[rule]]
        match = "layers.[12].bias"
    """,
    "residual_cnn": """
        base = "head"
        [[rule]]
        match = "blocks.*.conv1.weight"
        update = "slice"
        axis = "in"
        ratio = 0.5
        [[rule]]
        match = "blocks.1.conv2.weight"
        update = "slice"
        axis = "out"
        indices = [0, 1, 4, 5, 6]
        [[rule]]
        match = "blocks.*.bias"
    """,
    "efficientnet_lite0": """
        base = "last-2"
        [[rule]]
        match = "_blocks.1[0-5]._expand_conv.weight"
        update = "slice"
        axis = "in"
        ratio = 0.25
        [[rule]]
        match = "_blocks.14._depthwise_conv.weight"
        update = "slice"
        axis = "out"
        count = 96
        [[rule]]
        match = "_blocks.15._project_conv.weight"
        update = "slice"
        axis = "out"
        ratio = 0.5
    """,
    "mobilenet_v2": """
        base = "head"
        [[rule]]
        match = "features.1[3-7].conv.0.0.weight"
        update = "slice"
        axis = "in"
        ratio = 0.5
        [[rule]]
        match = "features.16.conv.1.0.weight"
        update = "slice"
        axis = "out"
        ratio = 0.125
        [[rule]]
        match = "features.1[0-7].*.bias"
    """,
}
"""A scheme of channel slices for each model, as TOML."""

SCHEMES = ("full", "bias-only", "channels")

OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {
    "sgd": lambda lr: pock.SGD(lr=lr),
    "sgd-decay": lambda lr: pock.SGD(lr=lr, weight_decay=0.1),
    "momentum": lambda lr: pock.SGD(lr=lr, momentum=0.9),
    "nesterov": lambda lr: pock.SGD(lr=lr, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda lr: pock.Adam(lr=lr, weight_decay=0.1),
    "adamw": lambda lr: pock.AdamW(lr=lr),
    "adafactor": lambda lr: pock.Adafactor(lr=lr, weight_decay=0.1),
    "lion": lambda lr: pock.Lion(lr=lr / 10, weight_decay=0.1),
}


@dataclass(frozen=True)
class Task:
    """A model, and batches to train it on.

    Attributes:
        model: in eval mode.
        batches: (inputs, labels), used in turn.
        schemes: the scheme of each name in SCHEMES.
    """

    model: nn.Module
    batches: list[tuple[Tensor, Tensor]]
    schemes: dict[str, pock.Scheme]

    @property
    def inputs(self) -> Tensor:
        """An example of the inputs."""
        return self.batches[0][0]

    def arrays(self, steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of that many steps, as a Trainer takes them."""
        for i in range(steps):
            x, y = self.batches[i % len(self.batches)]
            yield x.numpy(), y.numpy().astype(np.int32)


def make_task(name: str, *, pixels: int = 32, batch: int = 2, **options: object) -> Task:
    """A task for the zoo's model `name`: random weights and data, the same at every call.

    A deep network with random weights is chaotic: one ReLU that rounding turns on or off changes
    all that follows, in PyTorch in f32 against PyTorch in f64 too. So residual branches begin small
    and batch-norm's statistics are those of the batches, as in a trained network.
    """
    torch.manual_seed(0)
    model = zoo.create(name, num_classes=CLASSES, **options)
    for block in model.modules():
        norms = [each for each in block.modules() if isinstance(each, nn.BatchNorm2d)]
        if getattr(block, "skips", False):
            nn.init.constant_(norms[-1].weight, BRANCH)
    features = next(model.parameters()).shape[1]
    shape = (batch, features) if name == "mlp" else (batch, 3, pixels, pixels)
    batches = [(torch.randn(shape), torch.randint(0, CLASSES, (batch,))) for _ in range(4)]
    calibrate_batch_norm(model, torch.cat([x for x, _ in batches]))
    schemes = {each: pock.Scheme.load(each) for each in SCHEMES if each != "channels"}
    schemes["channels"] = pock.Scheme.from_toml(CHANNELS[name], name="channels")
    return Task(model, batches, schemes)


def weights(model: nn.Module) -> dict[str, np.ndarray]:
    """Parameters and buffers by name; copies."""
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


class TorchTraining:
    """Training in PyTorch of exactly what a scheme selects.

    The optimizer sees one tensor per contiguous trained piece of a parameter; the rest stays out of
    reach. The model itself is left as it is.
    """

    def __init__(self, model: nn.Module, scheme: pock.Scheme, optimizer: Optimizer) -> None:
        self._model = model
        named = {name: p.detach().clone() for name, p in model.named_parameters()}
        selected = scheme.resolve({name: list(p.shape) for name, p in named.items()})
        self._base = named
        self._pieces: list[tuple[str, int, Tensor, Tensor]] = []  # name, axis, indices, values
        for name, selection in selected.items():
            whole = selection.kind == "all"
            for start, stop in [(0, len(named[name]))] if whole else selection.runs:
                indices = torch.arange(start, stop)
                piece = named[name].index_select(selection.axis, indices).requires_grad_()
                self._pieces.append((name, selection.axis, indices, piece))
        self._tensors = [piece for *_, piece in self._pieces]
        named_pieces = [(name, piece) for name, _, _, piece in self._pieces]
        self._asked = optimizer
        self._optimizer = torch_optimizer(named_pieces, optimizer)
        factor = optimizer.schedule.factor if optimizer.schedule else lambda update: 1.0
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._steps = 0

    def _parameters(self) -> dict[str, Tensor]:
        values = dict(self._base)
        for name, axis, indices, piece in self._pieces:
            values[name] = values[name].index_copy(axis, indices, piece)
        return values

    def step(self, x: Tensor | tuple[Tensor, ...], y: Tensor) -> float:
        """One step; returns the loss before it: of classes, or of the next tokens of texts."""
        inputs = x if isinstance(x, tuple) else (x,)
        logits = torch.func.functional_call(self._model, self._parameters(), inputs)
        if logits.dim() == 3:
            logits, y = logits[:, :-1].flatten(0, 1), y[:, 1:].flatten()
        loss = F.cross_entropy(logits, y.long())
        (loss / self._asked.accumulate).backward()
        self._steps += 1
        if self._steps % self._asked.accumulate == 0:
            self._update()
        return loss.item()

    def _update(self) -> None:
        if self._asked.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._tensors, self._asked.clip_norm)
        if self._asked.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self._tensors, self._asked.clip_value)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()

    def weights(self) -> dict[str, np.ndarray]:
        """The parameters as they are now."""
        return {name: value.detach().numpy() for name, value in self._parameters().items()}

    def trained(self) -> dict[str, np.ndarray]:
        """For each parameter of which something is trained, where: a mask."""
        masks: dict[str, Tensor] = {}
        for name, axis, indices, _ in self._pieces:
            mask = masks.get(name, torch.zeros(self._base[name].shape, dtype=torch.bool))
            masks[name] = mask.index_fill(axis, indices, True)
        return {name: mask.numpy() for name, mask in masks.items()}
