"""Optimizers as the user names them, and what the pass makes of them, against PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.optimizers import SGD, Adafactor, Adam, AdamW, Lion, Optimizer
from pock_mlir.passes.apply_optimizer import ApplyOptimizer
from pock_mlir.passes.expand_optimizer import ExpandOptimizer
from pock_mlir.rewriting import parameters
from tests.support.interpreter import Interpreter
from tests.support.torch_optimizers import Lion as ReferenceLion

LR = 0.125
STEPS = 5
SLICED = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<6x3xf32>} : () -> ()
func.func @train_step(%g: tensor<6x3xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  %a = stablehlo.slice %g [0:2, 0:3] : (tensor<6x3xf32>) -> tensor<2x3xf32>
  %b = stablehlo.slice %g [3:4, 0:3] : (tensor<6x3xf32>) -> tensor<1x3xf32>
  "pock.update"(%a) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 2, 3>}
    : (tensor<2x3xf32>) -> ()
  "pock.update"(%b) {parameter = @w, offsets = array<i64: 3, 0>, sizes = array<i64: 1, 3>}
    : (tensor<1x3xf32>) -> ()
  return
}
"""
TRAINED = [[0, 1], [3]]

AGREE: dict[str, tuple[Optimizer, Callable[[list[torch.Tensor]], torch.optim.Optimizer]]] = {
    "sgd": (SGD(LR), lambda p: torch.optim.SGD(p, LR)),
    "sgd, weight decay": (
        SGD(LR, weight_decay=0.25),
        lambda p: torch.optim.SGD(p, LR, weight_decay=0.25),
    ),
    "momentum": (
        SGD(LR, momentum=0.75, weight_decay=0.25),
        lambda p: torch.optim.SGD(p, LR, momentum=0.75, weight_decay=0.25),
    ),
    "nesterov": (
        SGD(LR, momentum=0.75, nesterov=True),
        lambda p: torch.optim.SGD(p, LR, momentum=0.75, nesterov=True),
    ),
    "adamw": (AdamW(LR), lambda p: torch.optim.AdamW(p, LR)),
    "adamw, no averaging": (
        AdamW(LR, betas=(0.0, 0.0)),
        lambda p: torch.optim.AdamW(p, LR, betas=(0.0, 0.0)),
    ),
    "adam": (Adam(LR), lambda p: torch.optim.Adam(p, LR)),
    "adam, all options": (
        Adam(LR, betas=(0.75, 0.875), eps=0.01, weight_decay=0.25),
        lambda p: torch.optim.Adam(p, LR, betas=(0.75, 0.875), eps=0.01, weight_decay=0.25),
    ),
    "lion": (Lion(LR), lambda p: ReferenceLion(p, LR, (0.9, 0.99), 0.0)),
    "lion, all options": (
        Lion(LR, betas=(0.75, 0.875), weight_decay=0.25),
        lambda p: ReferenceLion(p, LR, (0.75, 0.875), 0.25),
    ),
    "adafactor": (Adafactor(), lambda p: torch.optim.Adafactor(p)),
    "adafactor, all options": (
        Adafactor(LR, beta2_decay=-0.5, eps=(0.5, 0.25), d=2.0, weight_decay=0.25),
        lambda p: torch.optim.Adafactor(
            p, LR, beta2_decay=-0.5, eps=(0.5, 0.25), d=2.0, weight_decay=0.25
        ),
    ),
    "adamw, all options": (
        AdamW(LR, betas=(0.75, 0.875), eps=0.01, weight_decay=0.25),
        lambda p: torch.optim.AdamW(p, LR, betas=(0.75, 0.875), eps=0.01, weight_decay=0.25),
    ),
}


def step_of(optimizer: Optimizer) -> tuple[Interpreter, dict[str, np.ndarray]]:
    """The step of SLICED in functional form, and its state: zeros."""
    module = Module.parse(SLICED, make_context())
    with module.context, Location.unknown():
        ApplyOptimizer(**optimizer.pass_options()).run(module)
        ExpandOptimizer().run(module)
    shapes = {name: op.stored_type.shape for name, op in parameters(module).items()}
    return Interpreter(module), {n: np.zeros(s, np.float32) for n, s in shapes.items()}


@pytest.mark.parametrize(("optimizer", "reference"), AGREE.values(), ids=AGREE)
def test_agrees_with_pytorch(
    optimizer: Optimizer, reference: Callable[[list[torch.Tensor]], torch.optim.Optimizer]
) -> None:
    random = np.random.default_rng(0)
    start = random.standard_normal((6, 3)).astype(np.float32)
    theirs = [torch.tensor(start[rows], requires_grad=True) for rows in TRAINED]
    torch_optimizer = reference(theirs)
    step, values = step_of(optimizer)
    values["w"] = start
    for number in range(STEPS):
        gradient = random.standard_normal((6, 3)).astype(np.float32)
        rate = optimizer.lr if number < 3 else optimizer.lr / 2
        values |= step(values, gradient, np.float32(rate)).assignments
        torch_optimizer.param_groups[0]["lr"] = rate
        for piece, rows in zip(theirs, TRAINED, strict=True):
            piece.grad = torch.tensor(gradient[rows])
        torch_optimizer.step()
        for piece, rows in zip(theirs, TRAINED, strict=True):
            np.testing.assert_allclose(
                values["w"][rows], piece.detach().numpy(), rtol=1e-5, atol=1e-6
            )
    frozen = [2, 4, 5]
    np.testing.assert_array_equal(values["w"][frozen], start[frozen])
    if isinstance(optimizer, Adam | Adafactor):
        assert values["optimizer.step"] == STEPS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-1), r"lr must be in \[0, inf\), got -1"),
        (lambda: SGD(math.nan), r"lr must be in \[0, inf\), got nan"),
        (lambda: SGD(1, momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda: SGD(1, nesterov=True), "nesterov needs a momentum above 0"),
        (lambda: SGD(1, weight_decay=-0.1), "weight_decay must be in"),
        (lambda: AdamW(1, betas=(0.9, 1.0)), r"betas\[1\] must be in \[0, 1\), got 1.0"),
        (lambda: Adam(1, betas=(-0.1, 0.9)), r"betas\[0\] must be in"),
        (lambda: Lion(1, weight_decay=math.inf), "weight_decay must be in"),
        (lambda: Adafactor(beta2_decay=0.8), "beta2_decay must not be above 0, got 0.8"),
        (lambda: Adafactor(eps=(0.0, 1.0)), "eps must be positive"),
        (lambda: Adafactor(d=0.5), "d must be at least 1, got 0.5"),
        (lambda: AdamW(1, eps=0), "eps must be positive, got 0"),
    ],
)
def test_values_are_checked(make: Callable[[], Optimizer], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
