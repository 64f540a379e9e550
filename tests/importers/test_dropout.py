"""Dropout in training mode, from PyTorch to the device."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir.importers.torch import import_torch
from pock_mlir.rewriting import named_ops
from tests.support.random_masks import random_mask
from tests.support.swiftshader import require_swiftshader

RATE, SEED = 0.1, 3


class Attention(nn.Module):
    """Dropout of features, of attention weights, and of activations, in this order."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.head = nn.Linear(6, 12), nn.Linear(4, 3)
        self.features, self.drop = nn.Dropout1d(0.25), nn.Dropout(0.4)
        self.masks: Sequence[Tensor] = ()

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.features(self.project(x)).chunk(3, dim=-1)
        if self.masks:  # the reference
            return self._by_hand(x)
        rate = 0.2 if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=rate)
        return self.head(F.relu(self.drop(y))).mean(1)

    def _by_hand(self, x: Tensor) -> Tensor:
        features, weights, activations = self.masks
        q, k, v = (self.project(x) * features).chunk(3, dim=-1)
        attention = F.softmax(q @ k.transpose(1, 2) / 2, dim=-1) * weights
        return self.head(F.relu(attention @ v * activations)).mean(1)


def masks_of(step: int) -> list[Tensor]:
    shapes = [((2, 5, 1), 0.75), ((2, 5, 5), 0.8), ((2, 5, 4), 0.6)]
    return [
        torch.tensor(random_mask(shape, SEED, site, step, keep, 1 / keep), dtype=torch.float32)
        for site, (shape, keep) in enumerate(shapes)
    ]


def make() -> tuple[Attention, Tensor, Tensor]:
    torch.manual_seed(0)
    return Attention().train(), torch.randn(2, 5, 6), torch.tensor([2, 0])


def reference(model: Attention, x: Tensor, y: Tensor, steps: int) -> list[float]:
    model = copy.deepcopy(model).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    losses = []
    for step in range(steps):
        model.masks = masks_of(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_steps_follow_pytorch_with_the_same_masks_and_resume(tmp_path: Path) -> None:
    model, x, y = make()
    optimizer = pock.SGD(lr=RATE, momentum=0.9)
    program = pock.compile(model, x, optimizer=optimizer, training=True, seed=SEED)
    batch = x.numpy(), y.numpy()
    trainer = pock.Trainer(program.artifact, device="local-sync")
    with torch.no_grad():
        expected = copy.deepcopy(model).eval()(x).numpy()
    np.testing.assert_allclose(trainer.predict(x.numpy()), expected, rtol=1e-5, atol=1e-6)
    losses = [trainer.step(*batch) for _ in range(3)]
    trainer.save_checkpoint(tmp_path / "c.safetensors")
    losses += [trainer.step(*batch) for _ in range(3)]
    assert losses == pytest.approx(reference(model, x, y, 6), rel=1e-5)
    resumed = pock.Trainer(program.artifact, device="local-sync")
    resumed.load_checkpoint(tmp_path / "c.safetensors")
    assert [resumed.step(*batch) for _ in range(3)] == losses[3:]
    for name, value in trainer.state_dict().items():
        assert value.tobytes() == resumed.state_dict()[name].tobytes()
    assert trainer.optimizer_state()["random.step"] == 6


def test_sites_and_seed_are_in_the_module() -> None:
    model, x, _ = make()
    module = import_torch(model, x, training=True, seed=9).module
    masks = list(named_ops(module, "pock.random_mask"))
    assert [op.site.value for op in masks] == [0, 1, 2]
    assert {op.seed.value for op in masks} == {9}
    assert [round(op.keep.value, 3) for op in masks] == [0.75, 0.8, 0.6]
    layers = [f'loc("{layer}")' for layer in ("features", "Attention", "drop")]
    assert [str(op.location) for op in masks] == layers


def test_without_training_there_are_no_masks() -> None:
    model, x, _ = make()
    assert not list(named_ops(import_torch(model, x).module, "pock.random_mask"))


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


def test_other_random_numbers_are_refused() -> None:
    with pytest.raises(Exception, match="random numbers in the step, other than those of dropout"):
        import_torch(Noise(), torch.zeros(3), training=True)


@pytest.mark.acceptance
def test_a_device_of_32_bit_storage_draws_the_same_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    require_swiftshader(monkeypatch)
    model, x, y = make()
    losses = []
    for target in ("cpu", "vulkan-swiftshader"):
        program = pock.compile(
            model, x, optimizer=pock.SGD(lr=RATE), training=True, seed=SEED, target=target
        )
        trainer = pock.Trainer(program.artifact)
        losses.append([trainer.step(x.numpy(), y.numpy()) for _ in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
