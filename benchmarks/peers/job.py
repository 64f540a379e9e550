"""What a contestant is given: the folder of a case, a scheme, and threads. Needs NumPy only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.graph import Graph

Array = NDArray[Any]
Step = Callable[[], float]
"""One training step on the job's batch; the loss before the update."""
T = TypeVar("T")


class CannotTrain(Exception):
    """The framework cannot do this job; the message says why."""


@dataclass(frozen=True)
class Job:
    """One training job, from the folder that `prepare` wrote.

    Attributes:
        folder: of the case.
        scheme: its name.
        threads: how many to use.
        mode: the variant of the peer, "" where there is one only.
    """

    folder: Path
    scheme: str
    threads: int
    mode: str = ""

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Model, options, kind of inputs, learning rate, momentum."""
        facts = json.loads((self.folder / "facts.json").read_text())
        return {**facts, "learning_rate": facts["learning_rates"][self.scheme]}

    @cached_property
    def selection(self) -> dict[str, list[Any]]:
        """What is trained, by name: [] for all of it, or [axis, [[start, stop], ...]]."""
        return json.loads((self.folder / f"scheme-{self.scheme}.json").read_text())

    def graph(self) -> Graph:
        """The model's operations."""
        return Graph.load(self.folder / "graph.json")

    def tensors(self) -> dict[str, Array]:
        """`p:` parameters and buffers and `c:` constants of the graph."""
        with np.load(self.folder / "tensors.npz") as file:
            return {name: file[name] for name in file.files}

    def batch(self) -> tuple[list[Array], Array]:
        """The model's inputs, and the labels or ids that are the targets (int32)."""
        with np.load(self.folder / "batch.npz") as file:
            inputs = [file[f"input{i}"] for i in range(len(file.files) - 1)]
            return inputs, file["targets"]

    @property
    def language_model(self) -> bool:
        """Whether the loss compares each token's output with the next token."""
        return self.facts["inputs"] == "tokens"

    @property
    def is_cnn(self) -> bool:
        """Whether the inputs are images."""
        return self.facts["inputs"] == "images"

    def mask(self, name: str, shape: tuple[int, ...]) -> Array | None:
        """1 where a parameter is trained and 0 elsewhere; None where all of it is."""
        selected = self.selection[name]
        if not selected:
            return None
        axis, runs = selected
        mask = np.zeros(shape, np.float32)
        for start, stop in runs:
            mask[(slice(None),) * axis + (slice(start, stop),)] = 1
        return mask

    def split(self, tensors: Mapping[str, T]) -> tuple[dict[str, T], dict[str, T]]:
        """The trained parameters and everything else, with their `p:` and `c:`."""
        chosen = {f"p:{name}" for name in self.selection}
        trained = {name: value for name, value in tensors.items() if name in chosen}
        return trained, {name: v for name, v in tensors.items() if name not in chosen}
