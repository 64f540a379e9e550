"""Compiled training follows PyTorch: 20 steps, losses within 1e-4, frozen weights bit for bit.

Some cells of the matrix of models, schemes and optimizers run by default, such that each of them
occurs; `make test-py ARGS="-m acceptance"` runs all 36.
"""

import copy
import itertools
from functools import cache

import numpy as np
import pytest
import torch

import pock_mlir as pock
from pock_mlir.optimizers import Optimizer
from tests.support.training import OPTIMIZERS, SCHEMES, Task, TorchTraining, make_task, weights

STEPS = 20
TOLERANCE = 1e-4
"""Of a loss, relative."""
UPDATE_TOLERANCE = 2e-2
"""Of the norm of what training added to the weights, relative."""

DEEP = ("efficientnet_lite0", "mobilenet_v2")
MODELS = ("mlp", "residual_cnn", *DEEP)
KINDS = ("sgd", "momentum", "adamw")

RATES = {"sgd": 1e-2, "momentum": 1e-2, "adamw": 1e-3}
# At larger rates two runs of PyTorch, in f32 and f64, differ by more than the tolerance.
DEEP_RATES = {
    "full": {"sgd": 1e-5, "momentum": 2e-6, "adamw": 2e-6},
    "bias-only": {"sgd": 1e-4, "momentum": 3e-5, "adamw": 3e-5},
    "channels": {"sgd": 1e-3, "momentum": 3e-4, "adamw": 5e-5},
}

DEFAULT = [
    ("mlp", "full", "adamw"),
    ("mlp", "bias-only", "sgd"),
    ("mlp", "channels", "momentum"),
    ("residual_cnn", "full", "momentum"),
    ("residual_cnn", "channels", "adamw"),
    ("efficientnet_lite0", "channels", "sgd"),
    ("mobilenet_v2", "bias-only", "momentum"),
]


@cache
def task_of(model: str) -> Task:
    if model == "residual_cnn":
        return make_task(model, pixels=16, batch=4, width=8, blocks=2)
    if model == "mobilenet_v2":
        return make_task(model, pixels=64, batch=4, width_mult=0.35)
    return make_task(model, pixels=64, batch=4)


def optimizer_of(model: str, scheme: str, kind: str) -> Optimizer:
    return OPTIMIZERS[kind](DEEP_RATES[scheme][kind] if model in DEEP else RATES[kind])


def check_cell(model: str, scheme: str, kind: str) -> None:
    torch.set_num_threads(1)
    task, optimizer = task_of(model), optimizer_of(model, scheme, kind)
    program = pock.compile(
        task.model, task.inputs, optimizer=optimizer, scheme=task.schemes[scheme]
    )
    trainer = pock.Trainer(program.artifact)
    reference = TorchTraining(task.model, task.schemes[scheme], optimizer)
    for i, (x, y) in enumerate(task.arrays(STEPS)):
        expected = reference.step(*task.batches[i % len(task.batches)])
        assert trainer.step(x, y) == pytest.approx(expected, rel=TOLERANCE), f"step {i}"
    check_weights(weights(task.model), trainer.state_dict(), reference)


def check_weights(
    before: dict[str, np.ndarray], after: dict[str, np.ndarray], reference: TorchTraining
) -> None:
    trained, expected = reference.trained(), reference.weights()
    assert after.keys() == before.keys()
    for name, value in after.items():
        frozen = ~trained[name] if name in trained else np.ones(value.shape, bool)
        assert value[frozen].tobytes() == before[name][frozen].tobytes(), f"{name} changed"
    gains = np.concatenate([(expected[n] - before[n])[m] for n, m in trained.items()])
    errors = np.concatenate([(after[n] - expected[n])[m] for n, m in trained.items()])
    assert np.linalg.norm(errors) < UPDATE_TOLERANCE * np.linalg.norm(gains)


@pytest.mark.parametrize(("model", "scheme", "optimizer"), DEFAULT)
def test_a_sample(model: str, scheme: str, optimizer: str) -> None:
    check_cell(model, scheme, optimizer)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("model", "scheme", "optimizer"), list(itertools.product(MODELS, SCHEMES, KINDS))
)
def test_the_matrix(model: str, scheme: str, optimizer: str) -> None:
    check_cell(model, scheme, optimizer)


def test_every_value_is_in_the_sample() -> None:
    columns = [set(column) for column in zip(*DEFAULT, strict=True)]
    assert columns == [set(MODELS), set(SCHEMES), set(KINDS)]


def test_batch_norm_in_training_mode() -> None:
    torch.set_num_threads(1)
    task, optimizer = task_of("residual_cnn"), pock.SGD(lr=1e-2)
    model = copy.deepcopy(task.model).train()
    program = pock.compile(
        model, task.inputs, optimizer=optimizer, scheme="bias-only", training=True
    )
    trainer = pock.Trainer(program.artifact)
    reference = TorchTraining(model, pock.Scheme.load("bias-only"), optimizer)
    for i, (x, y) in enumerate(task.arrays(STEPS)):
        expected = reference.step(*task.batches[i % len(task.batches)])
        assert trainer.step(x, y) == pytest.approx(expected, rel=TOLERANCE), f"step {i}"
    state = trainer.state_dict()
    for name, buffer in model.named_buffers():
        np.testing.assert_allclose(state[name], buffer.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)
