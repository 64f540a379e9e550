"""Channels last: the same numbers, and no transpose but that of the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir import zoo
from pock_mlir.importers import ImportedModel
from pock_mlir.importers.torch import import_torch
from pock_mlir.passes.convolutions_to_nhwc import ConvolutionsToNhwc
from pock_mlir.rewriting import parameters
from pock_mlir.zoo.efficientnet_lite0 import MBConv, batch_norm
from pock_mlir.zoo.layers import SameConv2d
from tests.importers.running import ops_of, randomise, run


class SmallLite(nn.Module):
    """EfficientNet-Lite's parts: uneven padding, depthwise, skips, a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 8, 3, stride=2)
        self.bn = batch_norm(8)
        self.blocks = nn.Sequential(MBConv(8, 8, 3, 1, 1), MBConv(8, 12, 5, 2, 2))
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(F.relu6(self.bn(self.stem(x)))).mean((2, 3)))


class Mixed(nn.Module):
    """Layout changes of every kind between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.gate = nn.Conv2d(4, 4, 1)
        self.line = nn.Conv1d(4, 2, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.first(x)
        gated = y * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(y, 1)))
        pooled = F.max_pool2d(F.pad(gated, (1, 0, 0, 1)), 2)[:, 1:]
        joined = torch.cat([pooled, pooled.flip(2)], 1)
        tokens = self.line(y.flatten(2))
        image = joined.permute(0, 2, 3, 1) + joined.mean((1, 2, 3), keepdim=True)
        return joined, tokens, image, y.flatten(1), y.amax((0, 2)), x + y[:, :3]


def transposes(imported: ImportedModel) -> int:
    return ops_of(imported.module).count("stablehlo.transpose")


@pytest.mark.parametrize("size", [9, 8])
def test_small_lite(size: int) -> None:
    model, x = randomise(SmallLite()).eval(), torch.randn(2, 3, size, size)
    imported = import_torch(model, x)
    ConvolutionsToNhwc().run(imported.module)
    assert imported.module.operation.verify()
    assert transposes(imported) == 1
    np.testing.assert_allclose(run(imported, x).results[0], model(x).detach(), rtol=1e-4)


def test_mixed_layouts() -> None:
    model, x = Mixed(), torch.randn(2, 3, 5, 7)
    imported = import_torch(model, x)
    ConvolutionsToNhwc().run(imported.module)
    assert imported.module.operation.verify()
    results = run(imported, x).results
    for result, expected in zip(results, model(x), strict=True):
        np.testing.assert_allclose(result, expected.detach(), rtol=1e-4, atol=1e-5)


def test_training_mode() -> None:
    model, x = randomise(zoo.create("residual_cnn", width=4, blocks=2)), torch.randn(3, 3, 8, 8)
    imported = import_torch(model, x, training=True)
    before = run(imported, x)
    ConvolutionsToNhwc().run(imported.module)
    after = run(imported, x)
    assert transposes(imported) == 2, "one in @forward, one in @predict"
    np.testing.assert_allclose(after.results[0], before.results[0], rtol=1e-4, atol=1e-5)
    for name, value in after.assignments.items():
        np.testing.assert_allclose(value, before.assignments[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v2"])
def test_whole_networks_have_one_transpose(name: str) -> None:
    with torch.device("meta"):
        model = zoo.create(name, num_classes=10)
    imported = import_torch(model, torch.empty(1, 3, 33, 33, device="meta"))
    ConvolutionsToNhwc().run(imported.module)
    assert transposes(imported) == 1
    for parameter in parameters(imported.module).values():
        expected = [2, 3, 1, 0] if len(parameter.layout) == 4 else sorted(parameter.layout)
        assert parameter.layout == expected


def test_running_it_twice_changes_nothing() -> None:
    imported = import_torch(SmallLite().eval(), torch.randn(1, 3, 8, 8))
    ConvolutionsToNhwc().run(imported.module)
    once = str(imported.module)
    ConvolutionsToNhwc().run(imported.module)
    assert str(imported.module) == once
