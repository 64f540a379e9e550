"""`pock demo`: a pre-trained network learns a real task through programs compiled here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rich.console import Console

from pock_mlir.demo.comparison import compare
from pock_mlir.demo.report import Outcome, print_samples, print_table, save_figure

__all__ = ["DEMOS", "Demo", "run"]


@dataclass(frozen=True)
class Demo:
    """A demo: what it does, the module whose `job` makes it, and the data sets to choose from."""

    about: str
    module: str
    data: tuple[str, ...] = ()


DEMOS: Mapping[str, Demo] = {
    "cells": Demo("EfficientNet-Lite0 grades photos of solar cells", "cells", ("elpv", "cifar10")),
    "sentiment": Demo("MiniLM tells positive from negative movie reviews", "sentiment"),
    "shakespeare": Demo("SmolLM2-135M learns to write like Shakespeare", "shakespeare"),
}


def run(
    name: str = "cells",
    *,
    data: str | None = None,
    seeds: int = 1,
    epochs: int | None = None,
    figure: Path = Path("demo.png"),
    console: Console | None = None,
) -> list[Outcome]:
    """Train with each method of a demo, print a table, write a figure.

    Args:
        name: in DEMOS.
        data: which of the demo's data sets, if it has several; the first by default.
        seeds: how many runs of each method; they differ in the order of the data, and in the
            initial values of what is not pre-trained.
        epochs: passes over the training data, if not the demo's.
        figure: where the figure goes (PNG).
        console: where to print.

    Raises:
        ValueError: unknown demo or data set, or a number below 1.
        FetchError: the data or the weights cannot be had.
    """
    demo, options = _find(name, data)
    if seeds < 1 or (epochs is not None and epochs < 1):
        raise ValueError("seeds and epochs must be at least 1")
    console = console or Console()
    start = time.perf_counter()
    job = import_module(f"pock_mlir.demo.{demo.module}").job(epochs=epochs, **options)
    console.print(f"{job.title}; {job.steps} steps")
    outcomes = compare(job, seeds, console)
    print_table(outcomes, job.measure, console)
    print_samples(outcomes, console)
    save_figure(outcomes, job.measure, job.title, figure)
    console.print(f"figure: {figure}; {time.perf_counter() - start:.0f} s in all")
    return outcomes


def _find(name: str, data: str | None) -> tuple[Demo, dict[str, str]]:
    if name not in DEMOS:
        raise ValueError(f"unknown demo '{name}'; there is {', '.join(DEMOS)}")
    demo = DEMOS[name]
    if data is None:
        return demo, {}
    if data not in demo.data:
        there = f"there is {', '.join(demo.data)}" if demo.data else "it has one only"
        raise ValueError(f"unknown data set '{data}' for the demo {name}; {there}")
    return demo, {"data": data}
