"""The PyTorch front end: names, values, locations, and the same numbers as PyTorch."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir import zoo
from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import PassManager
from pock_mlir.rewriting import parameters
from tests.importers.running import ops_of, randomise, run

FUNCTIONS = {
    "relu": F.relu,
    "relu6": lambda x: F.relu6(3 * x),
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardswish": lambda x: F.hardswish(3 * x),
    "hardsigmoid": lambda x: F.hardsigmoid(3 * x),
    "leaky-relu": F.leaky_relu,
    "elu": F.elu,
    "softplus": F.softplus,
    "softmax": lambda x: torch.softmax(x, 1),
    "log-softmax": lambda x: F.log_softmax(x, -1),
    "max-pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "avg-pool": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "avg-pool-border": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "global-pool": lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "adaptive-pool": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
    "mean": lambda x: x.mean((2, 3)),
    "variance": lambda x: x.var(1),
    "pad-and-crop": lambda x: F.pad(x, (1, 2, 0, 1))[:, :, 1:, :-1],
    "flatten": lambda x: x.flatten(1),
    "powers": lambda x: x**2 + x**3 + x.abs() ** 0.5 + (x.abs() + 1) ** -0.5,
    "concatenate": lambda x: torch.cat([x, 2 * x], 1),
    "dropout": lambda x: F.dropout(x, training=False),
}


class Functions(nn.Module):
    """All of them at once: an export takes as long as a hundred functions do."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [function(x) for function in FUNCTIONS.values()]


def test_functions() -> None:
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    imported = import_torch(Functions(), x)
    results = run(imported, x).results
    for name, function, result in zip(FUNCTIONS, FUNCTIONS.values(), results, strict=True):
        expected = function(x).numpy()
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-6, err_msg=name)
    text = re.sub(r"padding = dense<.*?> : tensor<\dx2xi64>", "", str(imported.module))
    assert not re.search(r"tensor<(\d+x)*[fi]64>", text), "64-bit noise"


CONVOLUTIONS = {
    "plain": nn.Conv2d(4, 6, 3, padding=1),
    "strided": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "grouped": nn.Conv2d(4, 6, 3, groups=2, bias=False),
    "depthwise": nn.Conv2d(4, 8, 3, padding=1, groups=4),
    "dilated": nn.Conv2d(4, 6, 3, padding=2, dilation=2),
    "point-wise": nn.Conv2d(4, 6, 1),
    "rectangular": nn.Conv2d(4, 6, (1, 3), stride=(2, 1), padding=(0, 1)),
}


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(CONVOLUTIONS)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [layer(x) for layer in self.layers.values()]


def test_convolutions() -> None:
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    results = run(import_torch(Convolutions(), x), x).results
    for (name, layer), result in zip(CONVOLUTIONS.items(), results, strict=True):
        expected = layer(x).detach().numpy()
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5, err_msg=name)


PLAIN_OPS = {"pock.read", "func.return"} | {
    f"stablehlo.{name}"
    for name in ("constant", "broadcast_in_dim", "add", "subtract", "multiply", "divide", "sqrt")
    + ("maximum", "reduce", "reduce_window", "return", "convolution", "dot_general")
}


def test_norms_and_linear() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    x = torch.randn(4, 6)
    model = randomise(model).eval()
    imported = import_torch(model, x)
    np.testing.assert_allclose(run(imported, x).results[0], model(x).detach(), rtol=1e-4, atol=1e-5)
    assert "stablehlo.transpose" not in ops_of(imported.module)


def test_residual_cnn_in_evaluation_mode() -> None:
    model = randomise(zoo.create("residual_cnn", width=4, blocks=2))
    x = torch.randn(2, 3, 8, 8)
    imported = import_torch(model, x)
    np.testing.assert_allclose(run(imported, x).results[0], model(x).detach(), rtol=1e-4)
    state = model.state_dict()
    assert set(imported.values) == set(state)
    for name, value in imported.values.items():
        np.testing.assert_array_equal(value, state[name].numpy())
    kinds = {name: op.kind.value for name, op in parameters(imported.module).items()}
    weights = {name for name, kind in kinds.items() if kind == "weight"}
    assert weights == {name for name, _ in model.named_parameters()}
    assert set(ops_of(imported.module)) <= PLAIN_OPS, "batch-norm is arithmetic"


def test_training_mode_assigns_the_running_statistics() -> None:
    model = randomise(zoo.create("residual_cnn", width=4, blocks=1))
    x = torch.randn(4, 3, 8, 8)
    imported = import_torch(model, x, training=True)
    assert not model.training, "the model's mode is left as it was"
    outcome = run(imported, x)
    predicted = run(imported, x, function="predict").results[0]
    np.testing.assert_allclose(predicted, model(x).detach(), rtol=1e-4)
    expected = model.train()(x).detach()
    np.testing.assert_allclose(outcome.results[0], expected, rtol=1e-4, atol=1e-5)
    buffers = dict(model.named_buffers())
    assert set(outcome.assignments) == set(buffers)
    for name, value in outcome.assignments.items():
        np.testing.assert_allclose(value, buffers[name].numpy(), rtol=1e-4, atol=1e-6)


def test_a_frozen_batch_norm_keeps_its_mode() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3)).train()
    model[1].eval()
    imported = import_torch(model, torch.randn(4, 3), training=True)
    assigned = set(run(imported, torch.randn(4, 3)).assignments)
    assert assigned == {"0.running_mean", "0.running_var", "0.num_batches_tracked"}
    assert [m.training for m in model] == [True, False]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight
        self.scale: Tensor
        self.register_buffer("scale", torch.arange(4.0), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.embedding(tokens) * self.scale + torch.tensor([1.0, 2, 3, 4]))


@pytest.mark.parametrize("exported", [False, True])
def test_tied_parameters_are_one(exported: bool) -> None:
    model, tokens = Tied(), torch.tensor([1, 2])
    source = torch.export.export(model, (tokens,)) if exported else model
    imported = import_torch(source, tokens)
    assert list(imported.values) == ["embedding.weight", "scale"]
    assert imported.aliases == {"head.weight": "embedding.weight"}
    np.testing.assert_allclose(run(imported, tokens).results[0], model(tokens).detach(), rtol=1e-5)


def test_inputs_by_name_and_from_numpy() -> None:
    class Two(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
            return a - b, a

    a, b = torch.ones(2), torch.full((2,), 3.0)
    imported = import_torch(Two(), {"a": a, "b": b.numpy()})
    assert imported.inputs == ["a", "b"]
    results = run(imported, a, b).results
    np.testing.assert_array_equal(results, [[-2, -2], [1, 1]])


def test_locations_name_the_layer() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2)))
    imported = import_torch(model, torch.randn(3, 4))
    text = imported.module.operation.get_asm(enable_debug_info=True, use_local_scope=True)
    assert re.search(r'stablehlo.tanh .* loc\("1.0"\)', text)
    assert re.search(r'stablehlo.dot_general .* loc\("1.1"\)', text)
    assert re.search(r'parameter = @"1.1.weight".* loc\("1.1.weight"\)', text)
    assert "/" not in re.sub(r'"[^"]*:[^"]*"', "", text), "a path of this machine"


def test_a_model_without_values() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    imported = import_torch(model, torch.empty(2, 4, device="meta"))
    assert imported.values == {}
    assert len(parameters(imported.module)) == 7


def test_half_precision_values() -> None:
    model = nn.Linear(4, 4).bfloat16()
    imported = import_torch(model, torch.randn(2, 4).bfloat16())
    assert imported.values["weight"].dtype.name == "bfloat16"
    expected = model.weight.detach().float().numpy()
    np.testing.assert_array_equal(imported.values["weight"].astype(np.float32), expected)


def test_two_imports_in_one_process() -> None:
    first, second = (import_torch(nn.Linear(2, 2), torch.ones(1, 2)) for _ in range(2))
    assert first.context is not second.context
    with first.context:
        PassManager.parse("builtin.module(canonicalize)").run(first.module.operation)
    assert second.module.operation.verify()
