"""Schedules: the factors against PyTorch's schedulers, and the step's own against both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.optimizers import Constant, Cosine, Linear, Schedule, Step
from pock_mlir.passes.expand_optimizer import ExpandOptimizer
from pock_mlir.passes.schedule_learning_rate import ScheduleLearningRate
from tests.support.interpreter import Interpreter

UPDATES = 24
WARMUP = 5
Scheduler = lr_scheduler.LRScheduler
REFERENCES: dict[str, tuple[Schedule, Callable[[torch.optim.Optimizer], Scheduler]]] = {
    "constant": (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    "step": (Step(every=3, decay=0.5), lambda o: lr_scheduler.StepLR(o, 3, 0.5)),
    "cosine": (
        Cosine(steps=16, final=0.25),
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=16, eta_min=0.25),
    ),
    "linear": (
        Linear(steps=16, final=0.25),
        lambda o: lr_scheduler.LinearLR(o, 1.0, end_factor=0.25, total_iters=16),
    ),
}
WARM: dict[str, Schedule] = {
    "constant": Constant(warmup=WARMUP),
    "step": Step(every=3, decay=0.5, warmup=WARMUP),
    "cosine": Cosine(steps=16 + WARMUP, final=0.25, warmup=WARMUP),
    "linear": Linear(steps=16 + WARMUP, final=0.25, warmup=WARMUP),
}
STEP = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<1xf32>} : () -> ()
func.func @train_step(%g: tensor<1xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.sgd"(%g, %rate) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 1>,
    weight_decay = 0.0 : f64} : (tensor<1xf32>, tensor<f32>) -> ()
  return
}
"""


def torch_factors(make: Callable[[torch.optim.Optimizer], Scheduler]) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, factors = make(optimizer), []
    for _ in range(UPDATES):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def step_factors(schedule: Schedule, rate: float) -> list[float]:
    """What the compiled form of a step subtracts of a weight whose gradient is 1."""
    module = Module.parse(STEP, make_context())
    with module.context, Location.unknown():
        ScheduleLearningRate(**schedule.pass_options()).run(module)
        ExpandOptimizer().run(module)
    step, factors = Interpreter(module), []
    values = {"w": np.zeros(1, np.float32), "optimizer.step": np.zeros((), np.float32)}
    for _ in range(UPDATES):
        new = step(values, np.ones(1, np.float32), np.float32(rate)).assignments
        factors.append(-float(new["w"][0]) / rate)
        values["optimizer.step"] = new["optimizer.step"]
    return factors


@pytest.mark.parametrize("kind", REFERENCES)
def test_factors_are_those_of_pytorch(kind: str) -> None:
    schedule, reference = REFERENCES[kind]
    ours = [schedule.factor(update) for update in range(17)]
    # PyTorch's cosine rises again after its end; ours stays where it is.
    np.testing.assert_allclose(ours, torch_factors(reference)[:17], rtol=1e-6)
    assert schedule.factor(100) == (schedule.factor(16) if kind != "step" else 0.5**33)


@pytest.mark.parametrize("kind", REFERENCES)
def test_warm_up_is_that_of_pytorch(kind: str) -> None:
    def warm(optimizer: torch.optim.Optimizer) -> Scheduler:
        rising = lr_scheduler.LinearLR(optimizer, 1 / WARMUP, total_iters=WARMUP - 1)
        rest = REFERENCES[kind][1](optimizer)
        return lr_scheduler.SequentialLR(optimizer, [rising, rest], milestones=[WARMUP])

    ours = [WARM[kind].factor(update) for update in range(16 + WARMUP)]
    np.testing.assert_allclose(ours, torch_factors(warm)[: 16 + WARMUP], rtol=1e-6)


@pytest.mark.parametrize("kind", REFERENCES)
def test_the_step_computes_the_factors(kind: str) -> None:
    for schedule in (REFERENCES[kind][0], WARM[kind]):
        expected = [schedule.factor(update) for update in range(UPDATES)]
        np.testing.assert_allclose(step_factors(schedule, 0.125), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(warmup=-1), "warmup must be at least 0, got -1"),
        (lambda: Step(every=0), "every must be at least 1, got 0"),
        (lambda: Step(every=1, decay=1.5), r"decay must be in \(0, 1\], got 1.5"),
        (lambda: Cosine(steps=5, warmup=5), "steps must be at least 6, got 5"),
        (lambda: Linear(steps=5, final=-1), r"final must be in \[0, inf\), got -1"),
    ],
)
def test_values_are_checked(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
