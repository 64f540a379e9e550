"""A pre-trained network gets a new classifier for other classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pock_mlir.api import Program
from pock_mlir.demo.job import ACCURACY, Array, Job, Measure, Method, shuffled, slices
from pock_mlir.optimizers import Optimizer
from pock_mlir.runtime import Trainer


@dataclass(frozen=True)
class Classification(Job):
    """Accuracy on test samples after some epochs.

    Attributes:
        network: makes the model with its pre-trained weights.
        head: prefix of the classifier's parameters, which are not pre-trained.
        features: what the classifier has as inputs.
        train: inputs and labels of the training samples.
        test: of the test samples.
        batch: samples in a step.
        epochs: passes over the training samples.
        make_optimizer: learning rate -> optimizer.
    """

    title: str
    methods: tuple[Method, ...]
    network: Callable[[], Any]
    head: str
    features: int
    train: Sequence[Array]
    test: Sequence[Array]
    batch: int
    epochs: int
    make_optimizer: Callable[[float], Optimizer]
    measure: Measure = field(default=ACCURACY, init=False)
    loss: str = field(default="cross-entropy", init=False)

    @property
    def steps(self) -> int:
        """How many full batches there are in all epochs."""
        return self.epochs * (len(self.train[0]) // self.batch)

    def model(self) -> tuple[Any, tuple[Any, ...]]:
        import torch

        inputs = tuple(torch.from_numpy(array[: self.batch]) for array in self.train[:-1])
        return self.network(), inputs

    def optimizer(self, lr: float) -> Optimizer:
        return self.make_optimizer(lr)

    def batches(self, seed: int) -> Iterator[list[Array]]:
        return shuffled(self.train, self.batch, self.epochs, seed)

    def score(self, trainer: Trainer) -> float:
        return trainer.evaluate(slices(self.test, self.batch))["accuracy"]

    def begin(self, program: Program, seed: int) -> Program:
        """With the classifier drawn anew, as torch.nn.Linear draws it."""
        rng = np.random.default_rng(seed)
        bound = 1 / np.sqrt(self.features)
        parameters = dict(program.artifact.parameters)
        for name, value in parameters.items():
            spec = program.manifest.parameter(name)
            if name.startswith(self.head) and spec.kind == "weight":
                parameters[name] = rng.uniform(-bound, bound, value.shape).astype(value.dtype)
        return replace(program, artifact=replace(program.artifact, parameters=parameters))
