"""Training of an imported model in the compiled step, and in JAX."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pock_mlir as pock
from pock_mlir.importers import import_model
from pock_mlir.rewriting import parameters
from tests.importers import jax_models

Batches = list[tuple[np.ndarray, np.ndarray]]
STEPS, RATE = 20, 0.1

SLICES = """
    base = "head"
    [[rule]]
    match = "*pointwise*kernel"
    update = "slice"
    axis = "in"
    ratio = 0.5
    [[rule]]
    match = "*pointwise*bias"
"""
TEXT_SLICES = """
    base = "bias-only"
    [[rule]]
    match = "*up*kernel"
    update = "slice"
    axis = "in"
    ratio = 0.5
    [[rule]]
    match = "*down*kernel"
    update = "slice"
    axis = "out"
    indices = [0, 3, 4]
    [[rule]]
    match = "*[./]q*kernel"
    update = "slice"
    axis = "out"
    count = 1
"""


def compiled_losses(model: Any, data: Batches, scheme: pock.Scheme, **options: Any) -> list[float]:
    """Losses of STEPS steps of SGD in the compiled program."""
    program = pock.compile(model, data[0][0], optimizer=pock.SGD(lr=RATE), scheme=scheme, **options)
    trainer = trainer_of(program)
    return [float(trainer.step(*data[i % len(data)])) for i in range(STEPS)]


def trainer_of(program: pock.Program) -> pock.Trainer:
    """The program, loaded."""
    with tempfile.TemporaryDirectory() as folder:
        program.save(Path(folder, "p.pock"))
        return pock.Trainer(Path(folder, "p.pock"))


def jax_losses(
    model: Any,
    call: Callable[[dict[str, Any], Any], Any],
    data: Batches,
    scheme: pock.Scheme,
) -> list[float]:
    """The same in JAX; `call` computes the logits from the values by their imported names."""
    imported = import_model(model, data[0][0])
    declared = parameters(imported.module)
    weights = [name for name, op in declared.items() if op.kind.value == "weight"]
    values = {name: imported.values[name] for name in weights}
    axes = {name: declared[name].axes for name in weights}
    masks = jax_models.masks_of(scheme, values, axes)
    return jax_models.losses(call, values, masks, data, STEPS, RATE)
