"""Groups, schedules, clipping and accumulation, together, follow PyTorch over 20 steps."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import pock_mlir as pock
from pock_mlir.backends.iree.compiler import allocations
from pock_mlir.optimizers import Optimizer
from pock_mlir.report.memory import predict_memory
from tests.acceptance.test_losses import STEPS, TOLERANCE, check_weights
from tests.support.training import TorchTraining, make_task, weights

GROUPS = [
    pock.Group("*.bias", weight_decay=0.0),
    pock.Group("layers.0.*", lr_scale=0.5),
    pock.Group("layers.2.bias", lr_scale=4.0, weight_decay=0.5),
]
CASES: dict[str, tuple[str, Optimizer]] = {
    "adafactor": ("channels", pock.Adafactor(lr=1e-2, weight_decay=0.1, groups=GROUPS)),
    "lion": (
        "channels",
        pock.Lion(
            lr=1e-3,
            weight_decay=0.1,
            groups=GROUPS,
            schedule=pock.Cosine(steps=6, warmup=2, final=0.1),
            clip_norm=0.2,
            accumulate=3,
        ),
    ),
    "adam": (
        "full",
        pock.Adam(
            lr=1e-2,
            weight_decay=0.1,
            schedule=pock.Step(every=3, decay=0.5, warmup=4),
            clip_value=0.01,
            accumulate=2,
        ),
    ),
    "momentum": (
        "channels",
        pock.SGD(
            lr=0.1,
            groups=[pock.Group("*.weight", momentum=0.9, nesterov=True)],
            schedule=pock.Linear(steps=15),
            clip_norm=0.3,
        ),
    ),
    "sgd": ("full", pock.SGD(lr=0.1, clip_norm=0.3, clip_twice=True)),
}
SAMPLE = ("adafactor", "lion", "sgd")
MATRIX = [
    pytest.param(name, marks=() if name in SAMPLE else pytest.mark.acceptance) for name in CASES
]


@cache
def program_of(name: str) -> pock.Program:
    scheme, optimizer = CASES[name]
    task = make_task("mlp")
    return pock.compile(task.model, task.inputs, optimizer=optimizer, scheme=task.schemes[scheme])


@pytest.mark.parametrize("name", MATRIX)
def test_losses_follow_pytorch(name: str) -> None:
    scheme, optimizer = CASES[name]
    task = make_task("mlp")
    trainer = pock.Trainer(program_of(name).artifact, device="local-sync")
    reference = TorchTraining(task.model, task.schemes[scheme], optimizer)
    for i, (x, y) in enumerate(task.arrays(STEPS)):
        expected = reference.step(*task.batches[i % len(task.batches)])
        assert trainer.step(x, y) == pytest.approx(expected, rel=TOLERANCE), f"step {i}"
    check_weights(weights(task.model), trainer.state_dict(), reference)


@pytest.mark.parametrize("name", MATRIX)
def test_updates_are_in_place_and_memory_is_as_predicted(name: str) -> None:
    program = program_of(name)
    assert program.compiled is not None
    functions = {"train_step", "accumulate_step"} & set(program.manifest.functions)
    assert len(functions) == (2 if program.manifest.accumulate > 1 else 1)
    for function in functions:
        measured = allocations(program.compiled, function)
        predicted = predict_memory(program.compiled, function)
        assert measured.variables == predicted.new_weights == 0
        assert predicted.transient == pytest.approx(measured.transient, rel=0.1, abs=512)
    loaded = [-(-spec.bytes // 64) * 64 for spec in program.manifest.parameters if spec.in_module]
    predicted = program.manifest.predicted_bytes
    assert predicted["weights"] == sum(loaded)  # state and buffers too
    trained, costs = 4 * program.manifest.trained_elements, program.manifest.report["gradients"]
    assert costs.get("accumulated", 0) == (trained if program.manifest.accumulate > 1 else 0)
    if name in ("momentum", "lion"):
        assert costs.get("held", 0) == (trained if name == "momentum" else 0)


def test_weights_stay_until_the_last_batch_of_an_update() -> None:
    task = make_task("mlp")
    trainer = pock.Trainer(program_of("lion").artifact, device="local-sync")
    before = trainer.state_dict()
    *first, last = task.arrays(3)
    for batch in first:
        trainer.step(*batch)
    assert all(np.array_equal(value, before[name]) for name, value in trainer.state_dict().items())
    trainer.step(*last)
    assert not np.array_equal(trainer.state_dict()["layers.0.weight"], before["layers.0.weight"])
    assert trainer.optimizer_state()["optimizer.step"] == 1
