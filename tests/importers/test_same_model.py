"""One model through several front ends gives the same losses, step by step."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pock_mlir as pock
from tests.importers import jax_models, training
from tests.importers.test_onnx import Text, exported


class TorchCnn(nn.Module):
    """`jax_models.cnn` in PyTorch: the same weights, [out, in, ...] and images channels first."""

    def __init__(self, params: jax_models.Tree) -> None:
        super().__init__()
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            name = "_".join(str(getattr(k, "key", getattr(k, "idx", k))) for k in path)
            order = (3, 2, 0, 1) if leaf.ndim == 4 else tuple(reversed(range(leaf.ndim)))
            value = torch.from_numpy(np.ascontiguousarray(leaf.transpose(order)))
            self.register_parameter(name, nn.Parameter(value))

    def conv(self, x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight, bias = self.get_parameter(f"{name}_kernel"), self.get_parameter(f"{name}_bias")
        if stride == 2:  # "SAME" of an even size and stride 2 pads the end only
            return F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, bias, stride)
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=groups)

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.conv(images.permute(0, 3, 1, 2), "stem", stride=2))
        for i in range(2):
            y = F.silu(self.conv(x, f"blocks_{i}_depthwise", groups=8))
            x = x + self.conv(y, f"blocks_{i}_pointwise")
        kernel = self.get_parameter("classifier_kernel")
        return F.linear(x.mean((2, 3)), kernel, self.get_parameter("classifier_bias"))


SCHEMES = [
    pytest.param("*classifier*", id="head"),
    pytest.param("*pointwise*", id="sparse", marks=pytest.mark.acceptance),
    pytest.param("*", id="full", marks=pytest.mark.acceptance),
]


def scheme(pattern: str) -> pock.Scheme:
    return pock.Scheme.from_toml(f'[[rule]]\nmatch = "{pattern}"\n[[rule]]\nmatch = "*classifier*"')


@pytest.mark.parametrize("pattern", SCHEMES)
def test_a_cnn_in_jax_pytorch_and_onnx(pattern: str) -> None:
    data, params = jax_models.batches("cnn"), jax_models.cnn_params()
    model = TorchCnn(params)
    images = torch.from_numpy(data[0][0])
    sources: list[Any] = [pock.JaxModel(jax_models.cnn, params), exported(model, images)]
    if pattern == "*":
        sources.append(model)
    found = [training.compiled_losses(source, data, scheme(pattern)) for source in sources]
    for losses in found[1:]:
        np.testing.assert_allclose(losses, found[0], rtol=1e-4)


@pytest.mark.acceptance
def test_a_transformer_in_pytorch_and_onnx() -> None:
    torch.backends.mha.set_fastpath_enabled(False)
    torch.manual_seed(0)
    tokens = [torch.randint(0, 11, (2, 5), dtype=torch.int32) for _ in range(4)]
    model = Text().eval()
    data = [(x.numpy(), x.numpy()) for x in tokens]
    sources = [model, exported(model, tokens[0])]
    chosen = pock.Scheme.load("full")
    first, second = (
        training.compiled_losses(source, data, chosen, loss="causal-lm") for source in sources
    )
    np.testing.assert_allclose(second, first, rtol=1e-4)
