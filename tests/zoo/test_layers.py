import pytest

pytest.importorskip("torch")

import torch

from pock_mlir import zoo
from pock_mlir.zoo.layers import (
    SameConv2d,
    calibrate_batch_norm,
    new_head,
    same_padding,
)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        (96, 3, 2, (0, 1)),
        (96, 5, 2, (1, 2)),
        (7, 3, 2, (1, 1)),
        (7, 5, 1, (2, 2)),
        (8, 1, 1, (0, 0)),
        (8, 1, 2, (0, 0)),
    ],
)
def test_same_padding(size: int, kernel: int, stride: int, padding: tuple[int, int]):
    assert same_padding(size, kernel, stride) == padding


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_convolution_covers_every_pixel(size: int, kernel: int, stride: int):
    conv = SameConv2d(2, 3, kernel, stride)
    x = torch.randn(1, 2, size, size + 1)
    y = conv(x)
    assert y.shape == (1, 3, -(-size // stride), -(-(size + 1) // stride))
    top, left = same_padding(size, kernel, stride)[0], same_padding(size + 1, kernel, stride)[0]
    padded = torch.zeros(1, 2, size + 9, size + 9)
    padded[:, :, top : top + size, left : left + size + 1] = x
    expected = torch.nn.functional.conv2d(padded, conv.weight, stride=stride)
    torch.testing.assert_close(y, expected[:, :, : y.shape[2], : y.shape[3]])


def test_new_head_depends_on_its_seed_only():
    state = torch.get_rng_state()
    first, again, other = new_head(8, 3, 1), new_head(8, 3, 1), new_head(8, 3, 2)
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), state)


def test_calibration_gives_features_of_order_one_and_keeps_eval_mode():
    torch.manual_seed(0)
    batch = torch.randn(8, 3, 32, 32)
    model = calibrate_batch_norm(zoo.create("mobilenet_v2", width_mult=0.35), batch)
    assert not model.training
    norm = model.get_submodule("features.18.1")
    seen: list[float] = []

    def measure(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> None:
        seen.append(float(output.std()))

    norm.register_forward_hook(measure)
    with torch.no_grad():
        model(batch)
    assert 0.5 < seen[0] < 1.5
    assert isinstance(norm, torch.nn.BatchNorm2d) and norm.momentum == 0.1
