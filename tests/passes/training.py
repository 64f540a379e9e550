"""Training modules of small networks, differentiated, for tests of what comes after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import Context, Module
from pock_mlir.pipelines import parse_pipeline, run_pipeline
from pock_mlir.rewriting import parameters
from tests.support.interpreter import Interpreter, Outcome

DIFFERENTIATED = "builtin.module(convolutions-to-nhwc,add-loss,differentiate,canonicalize,cse)"


@dataclass(frozen=True)
class TrainingStep:
    """A network's differentiated step with values for everything that it reads."""

    context: Context
    text: str
    values: dict[str, np.ndarray]
    images: np.ndarray
    labels: np.ndarray

    def module(self, pipeline: str = "") -> Module:
        """A new copy of the module, after more passes (their names and options, with commas)."""
        module = Module.parse(self.text, self.context)
        if pipeline:
            run_pipeline(module, parse_pipeline(f"builtin.module({pipeline})"))
        return module

    def run(self, module: Module) -> Outcome:
        """One step in the interpreter. Values are permuted to the layout that is declared."""
        stored = {
            name: self.values[name].transpose(op.layout)
            for name, op in parameters(module).items()
            if name in self.values
        }
        rate = np.float32(0.1)
        return Interpreter(module)(stored, self.images, self.labels, rate)


def training_step(model: nn.Module, images: torch.Tensor, classes: int) -> TrainingStep:
    """The differentiated step of a classifier on a batch, with random labels."""
    imported = import_torch(model, (images,))
    run_pipeline(imported.module, parse_pipeline(DIFFERENTIATED))
    labels = np.random.default_rng(0).integers(0, classes, len(images)).astype(np.int32)
    text = imported.module.operation.get_asm()
    return TrainingStep(imported.context, text, imported.values, images.numpy(), labels)
