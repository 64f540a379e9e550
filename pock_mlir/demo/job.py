"""What the demos share: what is compared, and on what."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.api import Program
from pock_mlir.optimizers import Optimizer
from pock_mlir.runtime import Trainer
from pock_mlir.schemes import Scheme

Array = NDArray[Any]
Batch = Sequence[Array]


@dataclass(frozen=True)
class Method:
    """One way to fine-tune.

    Attributes:
        label: for people.
        scheme: what is trained.
        lr: learning rate of the first step, chosen for this scheme (docs/demo-tuning.md); it falls
            to zero along a cosine.
    """

    label: str
    scheme: Scheme
    lr: float


@dataclass(frozen=True)
class Measure:
    """What a run is judged by.

    Attributes:
        name: of a column and an axis.
        unit: of the axis.
        factor: from the score to the unit.
        digits: behind the point.
    """

    name: str
    unit: str
    factor: float = 1.0
    digits: int = 1

    @property
    def behind(self) -> str:
        """What every number has behind it."""
        return " %" if self.unit == "%" else ""

    def show(self, scores: Sequence[float]) -> str:
        """Mean, and standard deviation of several."""
        mean = f"{self.factor * float(np.mean(scores)):.{self.digits}f}{self.behind}"
        if len(scores) == 1:
            return mean
        return f"{mean} ± {self.factor * float(np.std(scores, ddof=1)):.{self.digits}f}"


ACCURACY = Measure("test accuracy", "%", 100.0)
HELD_OUT_LOSS = Measure("held-out loss", "nats", digits=3)


class Job(ABC):
    """A model, data for it, and the methods that are compared on both.

    Attributes:
        title: of the figure, and what is printed first.
        methods: what is compared.
        measure: what they are judged by.
        loss: what a step minimises.
        tokens: of text in a batch; 0 where nobody counts them.
    """

    title: str
    methods: tuple[Method, ...]
    measure: Measure
    loss: str
    tokens: int = 0

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many there are in a run."""

    @abstractmethod
    def model(self) -> tuple[Any, tuple[Any, ...]]:
        """The model with its weights, and example inputs."""

    @abstractmethod
    def optimizer(self, lr: float) -> Optimizer:
        """How a step changes weights."""

    @abstractmethod
    def batches(self, seed: int) -> Iterator[Batch]:
        """`steps` batches of the compiled size, in the order that the seed gives."""

    @abstractmethod
    def score(self, trainer: Trainer) -> float:
        """What `measure` measures, on data that no step has seen."""

    def begin(self, program: Program, seed: int) -> Program:
        """The program as a run starts it: what is not pre-trained is drawn anew by the seed."""
        del seed
        return program

    def sample(self, trainer: Trainer) -> str:
        """What the model makes up, where it makes anything up."""
        del trainer
        return ""


def cosine(step: int, steps: int) -> float:
    """The factor of the learning rate in a step: from 1 to 0."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def shuffled(arrays: Sequence[Array], batch: int, epochs: int, seed: int) -> Iterator[list[Array]]:
    """Shuffled batches of every epoch; what does not fill a batch waits for the next epoch."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(arrays[0]))
        for i in range(len(order) // batch):
            chosen = order[i * batch : (i + 1) * batch]
            yield [array[chosen] for array in arrays]


def slices(arrays: Sequence[Array], size: int) -> Iterator[list[Array]]:
    """All rows in order, in batches of at most `size`."""
    for i in range(0, len(arrays[0]), size):
        yield [array[i : i + size] for array in arrays]
