"""Updating in place gives the very bits of the functional step, and allocates no new weights.

The functional step runs the same kernels, but the globals keep their values during it and the new
ones are results; so IREE must copy, and no kernel can see a weight too early or too late.
"""

from typing import Any

import numpy as np
import pytest

import pock_mlir as pock
from pock_mlir.backends.iree.compiler import CompiledModule, allocations, compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.rewriting import erase_unread_parameters
from pock_mlir.runtime import Trainer
from pock_mlir.runtime.device import DeviceModule, open_device
from tests.support.training import OPTIMIZERS, Task, make_task

STEPS = 4
RATE = 0.01
CASES = [
    ("mlp", "full", "sgd"),
    ("mlp", "full", "sgd-decay"),
    ("mlp", "channels", "momentum"),
    ("mlp", "channels", "adamw"),
    pytest.param("residual_cnn", "full", "momentum", marks=pytest.mark.acceptance),
    ("residual_cnn", "channels", "nesterov"),
    pytest.param("mlp", "channels", "lion", marks=pytest.mark.acceptance),
    pytest.param("residual_cnn", "channels", "adafactor", marks=pytest.mark.acceptance),
]


def functional(program: pock.Program) -> CompiledModule:
    """The same step without in-place updates."""
    with make_context(), Location.unknown():
        module = Module.parse(program.training_module)
        erase_unread_parameters(module)
        PockToIree(in_place=False).run(module)
        return compile_module(str(module), TARGETS["cpu"])


def train_in_place(program: pock.Program, task: Task) -> tuple[list[float], list[Any]]:
    trainer = Trainer(program.artifact, device="local-sync")
    losses = [trainer.step(x, y) for x, y in task.arrays(STEPS)]
    return losses, trainer._module.call("read_state")


def train_functionally(
    program: pock.Program, compiled: CompiledModule, task: Task
) -> tuple[list[float], list[Any]]:
    zeros = {
        p.name: 4 * int(np.prod(p.shape)) for p in program.manifest.parameters if p.kind == "state"
    }
    device = open_device("local-sync", None)
    module = DeviceModule(compiled.vmfb, program.artifact.parameters, zeros, device, "local-sync")
    losses, state = [], []
    for x, y in task.arrays(STEPS):
        rate = np.array(program.manifest.learning_rate, np.float32)
        loss, *state = module.call("train_step", x, y, rate)
        module.call("write_state", *state)
        losses.append(float(loss))
    return losses, state


@pytest.mark.parametrize(("model", "scheme", "optimizer"), CASES)
def test_in_place_is_bit_for_bit_the_functional_step(
    model: str, scheme: str, optimizer: str
) -> None:
    options = {"width": 8, "blocks": 2} if model == "residual_cnn" else {}
    task = make_task(model, pixels=16, **options)
    program = pock.compile(
        task.model,
        task.inputs,
        optimizer=OPTIMIZERS[optimizer](RATE),
        scheme=task.schemes[scheme],
    )
    assert program.compiled is not None
    compiled = functional(program)
    assert allocations(program.compiled, "train_step").variables == 0
    trained = 4 * program.manifest.trained_elements
    assert allocations(compiled, "train_step").results > trained  # the new weights

    losses, state = train_in_place(program, task)
    expected_losses, expected_state = train_functionally(program, compiled, task)
    assert losses == expected_losses
    for name, new, expected in zip(
        program.manifest.state_order, state, expected_state, strict=True
    ):
        np.testing.assert_array_equal(new, expected, err_msg=name)
