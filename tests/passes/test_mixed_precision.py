"""Training in bf16 and f16 beside PyTorch's autocast; steps that overflow."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pock_mlir as pock
from pock_mlir.dialects import make_context
from pock_mlir.ir import Module
from pock_mlir.optimizers import Optimizer
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from tests.support.interpreter import Interpreter

TYPES = {"bf16": torch.bfloat16, "f16": torch.float16}


def make() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network with a convolution, a normalisation and linear layers."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 8)]
    model = nn.Sequential(*layers, nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 4))
    return model, torch.randn(8, 2, 8, 8), torch.randint(0, 4, (8,))


def autocast(
    model: nn.Module,
    batch: tuple[torch.Tensor, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    dtype: torch.dtype,
) -> float:
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=dtype):
        loss = F.cross_entropy(model(batch[0]).float(), batch[1])
    loss.backward()
    optimizer.step()
    return loss.item()


@pytest.mark.parametrize("precision", TYPES)
def test_training_follows_autocast(precision: str) -> None:
    model, x, y = make()
    optimizer: Optimizer = pock.AdamW(lr=0.01)
    if precision == "bf16":
        optimizer = pock.SGD(lr=0.05, momentum=0.9)
    program = pock.compile(model, x, optimizer=optimizer, precision=precision)
    trainer = pock.Trainer(program.artifact, device="local-sync")
    theirs = copy.deepcopy(model)
    reference = (
        torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9)
        if precision == "bf16"
        else torch.optim.AdamW(theirs.parameters(), lr=0.01)
    )
    losses = [trainer.step(x.numpy(), y.numpy()) for _ in range(6)]
    expected = [autocast(theirs, (x, y), reference, TYPES[precision]) for _ in range(6)]
    assert losses == pytest.approx(expected, rel=1e-2)
    assert losses[-1] < 0.7 * losses[0]
    kind = precision
    assert f"tensor<8x36x{kind}>" in program.training_module
    assert all(spec.dtype in ("float32", "int32") for spec in program.manifest.parameters)
    if precision == "f16":
        check_overflow(trainer, x.numpy(), y.numpy())


def check_overflow(trainer: pock.Trainer, x: np.ndarray, y: np.ndarray) -> None:
    """A step whose gradients f16 cannot hold changes nothing but the scale."""
    weights, state = trainer.state_dict(), trainer.optimizer_state()
    assert state["loss_scale.good_steps"] == state["optimizer.step"] == 6
    trainer.step(x * 1e6, y)
    after = trainer.optimizer_state()
    assert after["loss_scale.exponent"] == -1
    assert after["loss_scale.good_steps"] == 0
    for name in weights:
        assert np.array_equal(trainer.state_dict()[name], weights[name]), name
    for name in set(state) - {"loss_scale.exponent", "loss_scale.good_steps"}:
        assert np.array_equal(after[name], state[name]), name
    assert np.isfinite(trainer.step(x, y))


@pytest.mark.parametrize("precision", ["bf16", pytest.param("f16", marks=pytest.mark.acceptance)])
def test_frozen_weights_are_kept_narrow(precision: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 32), nn.Linear(32, 4))
    x, y = torch.randn(4, 16), torch.randint(0, 4, (4,))
    program = pock.compile(model, x, optimizer=pock.SGD(lr=0.1), scheme="head", precision=precision)
    program.save(tmp_path / "p.pock")
    trainer = pock.Trainer(tmp_path / "p.pock", device="local-sync")
    folded = [spec for spec in trainer.manifest.parameters if spec.kind == "folded"]
    narrow = {"bf16": "bfloat16", "f16": "float16"}[precision]
    assert {(spec.shape, spec.dtype, spec.bytes) for spec in folded} == {
        ((32, 16), narrow, 1024),
        ((32, 32), narrow, 2048),
    }
    with torch.no_grad(), torch.autocast("cpu", dtype=TYPES[precision]):
        expected = model(x).float().numpy()
    np.testing.assert_allclose(trainer.predict(x.numpy()), expected, rtol=0.05, atol=0.01)
    assert trainer.step(x.numpy(), y.numpy()) > trainer.step(x.numpy(), y.numpy())
    weight = model[0].get_parameter("weight").detach().numpy()
    assert trainer.state_dict()["0.weight"].tobytes() == weight.tobytes()


def test_bf16_goes_together_with_accumulation_and_dropout() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(11, 8), nn.Dropout(0.1), nn.Linear(8, 11)).train()
    tokens = torch.randint(0, 11, (2, 6), dtype=torch.int32)
    options: dict[str, Any] = {
        "loss": "causal-lm",
        "optimizer": pock.SGD(lr=0.5, accumulate=2),
        "training": True,
    }
    losses = []
    for precision in ("f32", "bf16"):
        program = pock.compile(model, tokens, precision=precision, **options)
        trainer = pock.Trainer(program.artifact, device="local-sync")
        losses.append([trainer.step(tokens.numpy(), tokens.numpy()) for _ in range(6)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert losses[0] != losses[1]


PRODUCT = """
"pock.parameter"() {sym_name = "w", type = tensor<2x3xf32>, kind = "weight"} : () -> ()
func.func @train_step(%x: tensor<2x3xf32> {pock.role = "input"},
                      %lr: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x3xf32>
  %y = stablehlo.multiply %w, %x : tensor<2x3xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %loss = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0, 1]
    : (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}"""


def step_of(optimizer: str, scaling: bool) -> Interpreter:
    passes = ["scale-loss", "differentiate", "unscale-gradients{interval=2}"]
    passes = [*(passes if scaling else ["differentiate"]), "clip-gradients{norm=1}"]
    passes += [f"apply-optimizer{{kind={optimizer}}}", "expand-optimizer"]
    module = Module.parse(PRODUCT, make_context())
    run_pipeline(module, parse_pipeline(f"builtin.module({','.join(passes)})"))
    return Interpreter(module)


def initial(interpreter: Interpreter) -> dict[str, np.ndarray]:
    """Distinct values of everything but the counters."""
    random = np.random.default_rng(0)
    values: dict[str, np.ndarray] = {}
    for name, type_ in interpreter._declared.items():
        values[name] = random.uniform(0.5, 1.5, type_.shape).astype(np.float32)
        if not type_.rank:
            values[name] = np.zeros((), np.float32 if "optimizer" in name else np.int32)
    return values


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw", "adafactor", "lion"])
def test_scaling_changes_no_step_but_those_that_overflow(optimizer: str) -> None:
    scaled, plain = step_of(optimizer, True), step_of(optimizer, False)
    values, rate = initial(scaled), np.float32(0.1)
    x = np.linspace(-2, 3, 6, dtype=np.float32).reshape(2, 3)
    outcome, expected = scaled(values, x, rate), plain(values, x, rate)
    assert outcome.loss == expected.loss
    for name, value in expected.assignments.items():
        np.testing.assert_allclose(outcome.assignments[name], value, rtol=1e-6, err_msg=name)
    assert outcome.assignments["loss_scale.good_steps"] == 1
    for bad in (np.inf, np.nan):
        x[0, 0] = bad
        skipped = scaled(values, x, rate).assignments
        assert skipped.pop("loss_scale.exponent") == -1
        for name, value in skipped.items():
            assert np.array_equal(value, values[name]), name


def test_the_scale_grows_after_good_steps() -> None:
    step = step_of("sgd", True)
    values, x = initial(step), np.ones((2, 3), np.float32)
    scales = []
    for _ in range(5):
        values |= step(values, x, np.float32(0.1)).assignments
        scales.append(int(values["loss_scale.exponent"]))
    assert scales == [0, 1, 1, 2, 2]


def test_what_the_target_does_not_have() -> None:
    model, x, _ = make()
    options: dict[str, Any] = {"optimizer": pock.SGD(lr=0.1)}
    with pytest.raises(ValueError, match="the target vulkan-swiftshader has no bf16; it has f32"):
        pock.compile(model, x, precision="bf16", target="vulkan-swiftshader", **options)
    with pytest.raises(ValueError, match="unknown precision 'f8'; there is f32, bf16, f16"):
        pock.compile(model, x, precision="f8", **options)
