"""Parameter names, counts and derivatives of the networks, without their real weights."""

import pytest

pytest.importorskip("torch")

import torch

from pock_mlir import zoo
from pock_mlir.zoo.mobilenet_v2 import scaled


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


# The counts of the published models: torchvision's MobileNetV2, TensorFlow's EfficientNet-Lite0.
@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("mobilenet_v2", {}, 3_504_872),
        ("mobilenet_v2", {"width_mult": 0.35}, 1_677_128),
        ("efficientnet_lite0", {}, 4_652_008),
    ],
)
def test_parameter_count(name: str, options: dict[str, float], parameters: int):
    assert count(zoo.create(name, **options)) == parameters


def test_mobilenet_names_are_torchvisions():
    shapes = {k: tuple(v.shape) for k, v in zoo.create("mobilenet_v2").state_dict().items()}
    assert shapes["features.0.0.weight"] == (32, 3, 3, 3)
    assert shapes["features.1.conv.0.0.weight"] == (32, 1, 3, 3)
    assert shapes["features.1.conv.1.weight"] == (16, 32, 1, 1)
    assert shapes["features.17.conv.1.0.weight"] == (960, 1, 3, 3)
    assert shapes["features.17.conv.3.running_var"] == (320,)
    assert shapes["features.18.1.bias"] == (1280,)
    assert shapes["classifier.1.weight"] == (1000, 1280)


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(32, 1.0, 32), (32, 0.35, 16), (16, 0.35, 8), (24, 0.35, 8)]
)
def test_scaled_channels(channels: int, width: float, expected: int):
    assert scaled(channels, width) == expected


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0"])
def test_replacing_the_head_keeps_the_features(name: str):
    model = zoo.create(name)
    before = {
        k: v for k, v in model.state_dict().items() if "classifier" not in k and "_fc" not in k
    }
    model.replace_head(3)  # pyright: ignore[reportCallIssue]
    after = model.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


@pytest.mark.parametrize("name", ["residual_cnn", "mobilenet_v2", "efficientnet_lite0"])
def test_a_training_step_leaves_the_statistics_and_reaches_every_parameter(name: str):
    model = zoo.create(name, num_classes=4)
    buffers = {k: v.clone() for k, v in model.named_buffers()}
    model(torch.randn(2, 3, 32, 32)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(torch.equal(v, buffers[k]) for k, v in model.named_buffers())


def test_residual_cnn_has_both_kinds_of_skip():
    names = set(zoo.create("residual_cnn").state_dict())
    assert "blocks.0.skip.0.weight" not in names
    assert "blocks.1.skip.0.weight" in names
