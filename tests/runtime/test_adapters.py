"""Training with lora rules, against the same arithmetic in PyTorch, and what is saved of it."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir.runtime import Manifest, ParameterSpec
from pock_mlir.runtime.adapters import save_peft
from pock_mlir.runtime.manifest import AdapterSpec

SCHEME = """
    [[rule]]
    match = "conv.weight"
    update = "lora"
    rank = 2
    alpha = 6
    [[rule]]
    match = "fc1.weight"
    update = "lora"
    rank = 3
    [[rule]]
    match = "fc2.weight"
    update = "slice"
    axis = "in"
    ratio = 0.5
    [[rule]]
    match = "fc*.bias"
"""
SCALES = {"conv": 3.0, "fc1": 1.0}
STEPS = 8


class Net(nn.Module):
    """A convolution and two layers, with low-rank terms as `peft` adds them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(6 * 16, 16)
        self.fc2 = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.conv(x)).flatten(1)
        return self.fc2(torch.tanh(self.fc1(hidden)))


class Adapted(nn.Module):
    """`Net` with the terms as modules of their own."""

    def __init__(self, net: Net, factors: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.net = net
        self.factors = nn.ParameterDict(
            {n.replace(".", "-"): nn.Parameter(torch.tensor(v)) for n, v in factors.items()}
        )

    def factor(self, layer: str, which: str) -> Tensor:
        return self.factors[f"{layer}-lora_{which}-weight"]

    def forward(self, x: Tensor) -> Tensor:
        inner = F.conv2d(x, self.factor("conv", "A"), stride=2, padding=1)
        term = torch.einsum("or,nrhw->nohw", self.factor("conv", "B"), inner)
        hidden = torch.tanh(self.net.conv(x) + SCALES["conv"] * term).flatten(1)
        term = hidden @ self.factor("fc1", "A").T @ self.factor("fc1", "B").T
        return self.net.fc2(torch.tanh(self.net.fc1(hidden) + SCALES["fc1"] * term))


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((5, 3, 8, 8), np.float32), rng.integers(0, 4, 5).astype(np.int32)


@pytest.fixture(scope="module")
def net() -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.fixture(scope="module")
def program(net: Net) -> pock.Program:
    x, _ = batch()
    scheme = pock.Scheme.from_toml(SCHEME)
    return pock.compile(
        net, torch.tensor(x), optimizer=pock.SGD(lr=0.2, momentum=0.9), scheme=scheme
    )


def torch_losses(adapted: Adapted) -> list[float]:
    adapted.net.requires_grad_(False)
    net = adapted.net
    trained = [net.fc1.bias, net.fc2.bias, net.fc2.weight, *adapted.factors.values()]
    for parameter in trained:
        parameter.requires_grad_(True)
    net.fc2.weight.register_hook(lambda g: torch.cat([g[:, :8], torch.zeros_like(g[:, 8:])], 1))
    optimizer = torch.optim.SGD(trained, lr=0.2, momentum=0.9)
    x, y = (torch.tensor(array) for array in batch())
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(adapted(x), y.long())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_training_and_merging(program: pock.Program, net: Net) -> None:
    trainer = pock.Trainer(program.artifact)
    start = {name: v for name, v in trainer._values().items() if "lora" in name}
    assert not np.any(start["fc1.lora_B.weight"])
    bound = 1 / np.sqrt(96)
    assert 0.8 * bound < np.abs(start["fc1.lora_A.weight"]).max() <= bound

    adapted = Adapted(copy.deepcopy(net), start)
    x, y = batch()
    ours = [trainer.step(x, y) for _ in range(STEPS)]
    np.testing.assert_allclose(ours, torch_losses(adapted), rtol=1e-4)

    merged = Net()
    merged.load_state_dict({n: torch.tensor(v) for n, v in trainer.state_dict().items()})
    with torch.no_grad():
        np.testing.assert_allclose(
            trainer.predict(x), merged(torch.tensor(x)), rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(
            merged(torch.tensor(x)), adapted(torch.tensor(x)), rtol=1e-3, atol=1e-4
        )


def test_the_weight_itself_has_no_gradient(program: pock.Program) -> None:
    trained = {spec.name: spec.trained for spec in program.manifest.parameters}
    assert trained["fc1.weight"] == trained["conv.weight"] == "none"
    assert trained["fc1.lora_A.weight"] == trained["conv.lora_B.weight"] == "all"
    assert "tensor<16x96xf32>" in program.training_module
    gradient = "(tensor<5x16xf32>, tensor<5x96xf32>) -> tensor<16x96xf32>"
    assert gradient not in program.training_module


def test_peft_files(program: pock.Program, tmp_path: Path) -> None:
    trainer = pock.Trainer(program.artifact)
    trainer.step(*batch())
    trainer.save_adapters(tmp_path / "adapters")
    config = json.loads((tmp_path / "adapters" / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert config["target_modules"] == ["conv", "fc1"]
    assert (config["r"], config["lora_alpha"]) == (2, 6)
    assert (config["rank_pattern"], config["alpha_pattern"]) == ({"^fc1": 3}, {"^fc1": 3})
    tensors = load_file(tmp_path / "adapters" / "adapter_model.safetensors")
    prefix = "base_model.model."
    assert tensors[f"{prefix}conv.lora_A.weight"].shape == (2, 3, 3, 3)
    assert tensors[f"{prefix}conv.lora_B.weight"].shape == (6, 2, 1, 1)
    assert tensors[f"{prefix}fc1.lora_B.weight"].any()


def saved_config(folder: Path, ranks: dict[str, int], *others: str) -> dict[str, Any]:
    """What is written of adapters of alpha 8 of some layers, in a model that has others too."""
    specs, values = [], {}
    for name, rank in ranks.items():
        for factor, shape in (("A", (rank, 3)), ("B", (2, rank))):
            spec = AdapterSpec(of=f"{name}.weight", factor=factor, axis=0, scale=8 / rank)
            key = f"{name}.lora_{factor}.weight"
            specs.append(ParameterSpec(key, "adapter", shape, "float32", adapter=spec))
            values[key] = np.zeros(shape, np.float32)
    specs += [ParameterSpec(f"{n}.weight", "weight", (2, 3), "float32") for n in (*ranks, *others)]
    none: dict[str, Any] = {}
    save_peft(folder, Manifest("cpu", "local", none, none, none, none, tuple(specs), ()), values)
    return json.loads((folder / "adapter_config.json").read_text())


def test_peft_files_name_one_layer_each(tmp_path: Path) -> None:
    """PEFT takes a name for those that end like it, after a dot."""
    config = saved_config(tmp_path, {"b.fc": 2, "fc": 4, "head": 4}, "b.head", "other")
    assert (config["r"], config["lora_alpha"]) == (4, 8)
    assert config["rank_pattern"] == {r"^b\.fc": 2}
    layers = ("b.fc", "fc", "head", "b.head", "other", "bxfc", "b.fc.x")
    chosen = [name for name in layers if re.fullmatch(config["target_modules"], name)]
    assert chosen == ["b.fc", "fc", "head"]
    assert saved_config(tmp_path, {"b.fc": 2, "fc": 2}, "c")["target_modules"] == ["b.fc", "fc"]


def test_peft_files_are_for_layers_of_pytorch(tmp_path: Path) -> None:
    spec = AdapterSpec(of="dense/kernel", factor="A", axis=1, scale=1.0)
    factors = tuple(
        ParameterSpec(f"dense/{f}", "adapter", (2, 2), "float32", adapter=replace(spec, factor=f))
        for f in "AB"
    )
    manifest = Manifest("cpu", "local", {}, {}, {}, {}, factors, ())
    with pytest.raises(ValueError, match="layers of PyTorch, .*; there are adapters of dense/kern"):
        save_peft(tmp_path / "a", manifest, {})
    assert not (tmp_path / "a").exists()


def test_checkpoint_continues(program: pock.Program, tmp_path: Path) -> None:
    one, other = pock.Trainer(program.artifact), pock.Trainer(program.artifact)
    one.step(*batch())
    one.save_checkpoint(tmp_path / "c.safetensors")
    other.load_checkpoint(tmp_path / "c.safetensors")
    assert one.step(*batch()) == other.step(*batch())


def test_without_adapters(tmp_path: Path) -> None:
    model = nn.Linear(4, 3)
    program = pock.compile(model, torch.zeros(2, 4), optimizer=pock.SGD(lr=0.1))
    with pytest.raises(ValueError, match="no adapters"):
        pock.Trainer(program.artifact).save_adapters(tmp_path)
