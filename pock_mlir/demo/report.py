"""The demos' table and figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from pock_mlir.demo.job import Measure
from pock_mlir.runtime.atomic import replacing

_MB = 1 << 20
_COLOURS = ("#9aa5b1", "#6d9dc5", "#d1495b", "#edae49", "#2e4057")


@dataclass(frozen=True)
class Outcome:
    """What a method reached.

    Attributes:
        label: the method.
        scores: on the test data, one a seed.
        before: the score before training.
        trained: how many numbers a step trains.
        milliseconds: median time of a step.
        tokens_per_second: of text in training; 0 where there is none.
        measured_bytes: most bytes that the device held.
        predicted_bytes: what the compiler said that a step needs.
        samples: what the model made up before and after training.
    """

    label: str
    scores: tuple[float, ...]
    before: float
    trained: int
    milliseconds: float
    measured_bytes: int
    predicted_bytes: int
    tokens_per_second: float = 0.0
    samples: tuple[str, str] = ("", "")


Cell = Callable[[Outcome], str]


def columns(outcomes: Sequence[Outcome], measure: Measure) -> dict[str, Cell]:
    """What the table says of each method: those columns that any has something for."""
    made: dict[str, Cell] = {
        "before": lambda o: measure.show([o.before]),
        measure.name: lambda o: measure.show(o.scores),
        "trained": lambda o: f"{o.trained:,}",
        "ms / step": lambda o: f"{o.milliseconds:.1f}",
    }
    if any(outcome.tokens_per_second for outcome in outcomes):
        made["tokens / s"] = lambda o: f"{o.tokens_per_second:,.0f}"
    made["peak MB"] = lambda o: f"{o.measured_bytes / _MB:.1f}"
    made["predicted"] = lambda o: f"{o.predicted_bytes / _MB:.1f}"
    return made


def print_table(outcomes: Sequence[Outcome], measure: Measure, console: Console) -> None:
    """One row a method."""
    cells = columns(outcomes, measure)
    table = Table()
    table.add_column("method")
    for name in cells:
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(outcome.label, *(cell(outcome) for cell in cells.values()))
    console.print(table)


def print_samples(outcomes: Sequence[Outcome], console: Console) -> None:
    """What the models made up, where they did: before training, then after each method."""
    if not any(outcomes[0].samples):
        return
    texts = {"before training": outcomes[0].samples[0]}
    texts |= {f"after training ({o.label})": o.samples[1] for o in outcomes}
    for title, text in texts.items():
        console.rule(title)
        console.print(text, markup=False, highlight=False)


def save_figure(outcomes: Sequence[Outcome], measure: Measure, title: str, path: Path) -> None:
    """Bars of the measure and of peak memory, side by side (PNG)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    left, right = figure.subplots(1, 2)
    _draw_scores(left, outcomes, measure)
    _draw_memory(right, outcomes)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=150)


def _colours(outcomes: Sequence[Outcome]) -> list[str]:
    chosen = (0, 2, 4) if len(outcomes) <= 3 else range(len(outcomes))
    return [_COLOURS[i % len(_COLOURS)] for i in chosen][: len(outcomes)]


def _draw_scores(axis: Any, outcomes: Sequence[Outcome], measure: Measure) -> None:
    labels = [outcome.label for outcome in outcomes]
    means = [measure.factor * float(np.mean(outcome.scores)) for outcome in outcomes]
    shown = f"%.{measure.digits}f{measure.behind.replace('%', '%%')}"
    before = measure.factor * outcomes[0].before
    bars = axis.bar(labels, means, color=_colours(outcomes))
    axis.bar_label(bars, fmt=shown, fontsize=8)
    axis.set_ylabel(f"{measure.name} ({measure.unit})")
    axis.axhline(before, color="k", linestyle=":", label="before training")
    axis.legend(frameon=False, loc="upper left", fontsize=8)
    values = [*means, before]
    room = max(max(values) - min(values), 0.02 * max(values))
    top = max(values) + 0.4 * room
    axis.set_ylim(max(0, min(values) - 1.5 * room), min(100, top) if measure.unit == "%" else top)


def _draw_memory(axis: Any, outcomes: Sequence[Outcome]) -> None:
    labels = [outcome.label for outcome in outcomes]
    measured = [outcome.measured_bytes / _MB for outcome in outcomes]
    bars = axis.bar(labels, measured, color=_colours(outcomes), label="measured")
    axis.bar_label(bars, fmt="%.0f", padding=8, fontsize=8)
    predicted = [outcome.predicted_bytes / _MB for outcome in outcomes]
    axis.plot(labels, predicted, "k_", markersize=120 / len(labels), label="predicted")
    axis.set_ylabel("peak memory of training (MB)")
    axis.set_ylim(0, 1.25 * max(measured))
    axis.legend(frameon=False, loc="upper left", markerscale=0.4, fontsize=8)
