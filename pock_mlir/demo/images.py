"""Train EfficientNet-Lite0 on a data set of images with each method of a recipe, and compare."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from pock_mlir import zoo
from pock_mlir.api import Program
from pock_mlir.api import compile as compile_program
from pock_mlir.data.dataset import Dataset
from pock_mlir.demo.recipe import MODEL, RECIPES, Method, Recipe
from pock_mlir.demo.report import Outcome, print_table, save_figure
from pock_mlir.optimizers import SGD
from pock_mlir.runtime import Trainer
from pock_mlir.zoo.efficientnet_lite0 import FEATURES

HEAD = "_fc."
"""Prefix of the parameters of the classifier, the only ones that are not pre-trained."""

Batch = tuple[NDArray[np.float32], NDArray[np.int32]]


def run(
    data: str = "elpv",
    *,
    seeds: int = 1,
    epochs: int | None = None,
    figure: Path = Path("demo.png"),
    console: Console | None = None,
) -> list[Outcome]:
    """Train with each method, print a table, write a figure.

    Args:
        data: a name in `pock_mlir.demo.recipe.RECIPES`.
        seeds: how many runs of each method; they differ in the classifier's initial weights and in
            the order of the images.
        epochs: passes over the training images, if not the recipe's.
        figure: where the figure goes (PNG).
        console: where to print.

    Raises:
        ValueError: unknown data set, or a number below 1.
        FetchError: the data or the weights cannot be had.
    """
    if data not in RECIPES:
        raise ValueError(f"unknown data set '{data}'; there is {', '.join(RECIPES)}")
    if seeds < 1 or (epochs is not None and epochs < 1):
        raise ValueError("seeds and epochs must be at least 1")
    console = console or Console()
    recipe = RECIPES[data]
    recipe = replace(recipe, epochs=epochs or recipe.epochs)
    start = time.perf_counter()
    dataset = recipe.load(recipe.size)
    console.print(f"{dataset}; {recipe.epochs} epochs in batches of {recipe.batch}")
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        outcomes = [_try(method, recipe, dataset, seeds, progress) for method in recipe.methods]
    print_table(outcomes, console)
    save_figure(outcomes, str(dataset), figure)
    console.print(f"figure: {figure}; {time.perf_counter() - start:.0f} s in all")
    return outcomes


def _try(
    method: Method, recipe: Recipe, dataset: Dataset, seeds: int, progress: Progress
) -> Outcome:
    task = progress.add_task(f"{method.label}: compile", total=None, loss="")

    def tell(stage: str) -> None:
        progress.update(task, description=f"{method.label}: {stage}")

    program = _compile(method, recipe, dataset, tell)
    runs = []
    for seed in range(seeds):
        label = f"{method.label}: train" + (f" (seed {seed})" if seeds > 1 else "")
        progress.reset(task, total=recipe.steps(dataset), description=label)
        runs.append(_train(_with_new_head(program, seed), recipe, dataset, seed, progress, task))
    progress.update(task, description=f"{method.label}: done")
    manifest = program.manifest
    return Outcome(
        label=method.label,
        accuracies=tuple(run.accuracy for run in runs),
        trained=manifest.trained_elements,
        milliseconds=float(np.median([run.milliseconds for run in runs])),
        measured_bytes=max(run.peak_bytes for run in runs),
        predicted_bytes=manifest.predicted_bytes["peak"],
    )


def _compile(
    method: Method, recipe: Recipe, dataset: Dataset, tell: Callable[[str], None]
) -> Program:
    import torch

    model = zoo.create(MODEL, num_classes=len(dataset.classes), pretrained=True)
    return compile_program(
        model,
        torch.zeros(recipe.batch, *dataset.train_x.shape[1:]),
        optimizer=SGD(lr=method.lr, momentum=recipe.momentum),
        scheme=method.scheme,
        progress=tell,
    )


def _with_new_head(program: Program, seed: int) -> Program:
    """The program with its classifier drawn anew, as torch.nn.Linear draws it."""
    rng = np.random.default_rng(seed)
    parameters = dict(program.artifact.parameters)
    for name, value in parameters.items():
        spec = program.manifest.parameter(name)
        if name.startswith(HEAD) and spec.kind == "weight":
            bound = 1 / np.sqrt(FEATURES)
            parameters[name] = rng.uniform(-bound, bound, value.shape).astype(value.dtype)
    return replace(program, artifact=replace(program.artifact, parameters=parameters))


@dataclass(frozen=True)
class _Run:
    accuracy: float
    milliseconds: float
    peak_bytes: int


def _train(
    program: Program,
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    progress: Progress,
    task: TaskID,
) -> _Run:
    peak = _peak_bytes(program, next(_batches(dataset, recipe, seed)))
    trainer = Trainer(program.artifact)
    peak_rate = program.manifest.optimizer["lr"]
    steps = recipe.steps(dataset)
    times = []
    smooth = None
    for i, (images, labels) in enumerate(_batches(dataset, recipe, seed)):
        rate = peak_rate * (1 + math.cos(math.pi * i / steps)) / 2
        begin = time.perf_counter()
        loss = trainer.step(images, labels, lr=rate)
        times.append(time.perf_counter() - begin)
        smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
        progress.update(task, advance=1, loss=f"loss {smooth:.3f}")
    test = _slices(dataset.test_x, dataset.test_y, recipe.batch)
    return _Run(trainer.evaluate(test)["accuracy"], 1e3 * float(np.median(times)), peak)


def _peak_bytes(program: Program, batch: Batch) -> int:
    """Most bytes that the device held in two steps, counted by its allocator.

    On one thread: the device of several threads does not count what a step allocates.
    """
    trainer = Trainer(program.artifact, device="local-sync")
    for _ in range(2):
        trainer.step(*batch, lr=0.0)
    return trainer.memory()["peak"]


def _batches(dataset: Dataset, recipe: Recipe, seed: int) -> Iterator[Batch]:
    """Shuffled batches of every epoch; what does not fill a batch waits for the next epoch."""
    rng = np.random.default_rng(seed)
    for _ in range(recipe.epochs):
        order = rng.permutation(len(dataset.train_y))
        for i in range(len(order) // recipe.batch):
            chosen = order[i * recipe.batch : (i + 1) * recipe.batch]
            yield dataset.train_x[chosen], dataset.train_y[chosen]


def _slices(
    images: NDArray[np.float32], labels: NDArray[np.int32], size: int
) -> Iterator[Sequence[NDArray[np.generic]]]:
    for i in range(0, len(labels), size):
        yield images[i : i + size], labels[i : i + size]
