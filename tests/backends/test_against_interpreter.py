"""The compiled step against the same step in StableHLO's reference interpreter, state and all."""

import numpy as np
import pytest

import pock_mlir as pock
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from pock_mlir.runtime import Trainer
from tests.support.interpreter import Interpreter
from tests.support.training import OPTIMIZERS, make_task

STEPS, RATE = 3, 0.01


@pytest.mark.parametrize(
    ("scheme", "optimizer"), [("full", "nesterov"), ("channels", "adamw"), ("bias-only", "sgd")]
)
def test_steps_agree(scheme: str, optimizer: str) -> None:
    task = make_task("mlp")
    program = pock.compile(
        task.model,
        task.inputs,
        optimizer=OPTIMIZERS[optimizer](RATE),
        scheme=task.schemes[scheme],
    )
    trainer = Trainer(program.artifact, device="local-sync")
    values = {name: np.array(value) for name, value in program.artifact.parameters.items()}
    for spec in program.manifest.parameters:
        if spec.kind == "state":
            values[spec.name] = np.zeros(stored_shape(spec.shape, spec.layout), np.float32)
    with make_context(), Location.unknown():
        module = Module.parse(program.training_module)
        run_pipeline(module, parse_pipeline("builtin.module(expand-optimizer)"))
        step = Interpreter(module)
        for x, y in task.arrays(STEPS):
            outcome = step(values, x, y, np.float32(RATE))
            assert trainer.step(x, y) == pytest.approx(outcome.loss, rel=1e-5)
            values |= outcome.assignments
    names = program.manifest.state_order
    for name, new in zip(names, trainer._module.call("read_state"), strict=True):
        np.testing.assert_allclose(new, values[name], rtol=1e-4, atol=1e-6, err_msg=name)


def stored_shape(shape: tuple[int, ...], layout: tuple[int, ...]) -> list[int]:
    return [shape[i] for i in layout or range(len(shape))]
