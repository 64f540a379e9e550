"""The demo's table and figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pock_mlir.runtime.atomic import replacing

_MB = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """What a method reached.

    Attributes:
        label: the method.
        accuracies: on the test images, one a seed.
        trained: how many numbers a step trains.
        milliseconds: median time of a step.
        measured_bytes: most bytes that the device held.
        predicted_bytes: what the compiler said that a step needs.
    """

    label: str
    accuracies: tuple[float, ...]
    trained: int
    milliseconds: float
    measured_bytes: int
    predicted_bytes: int

    @property
    def accuracy(self) -> str:
        """Mean, and standard deviation of several seeds, in percent."""
        mean = f"{100 * np.mean(self.accuracies):.1f} %"
        if len(self.accuracies) == 1:
            return mean
        return f"{mean} ± {100 * np.std(self.accuracies, ddof=1):.1f}"


def print_table(outcomes: Sequence[Outcome], console: Console) -> None:
    """One row a method."""
    table = Table()
    table.add_column("method")
    for name in ("test accuracy", "trained", "ms / step", "peak MB measured", "predicted"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(
            outcome.label,
            outcome.accuracy,
            f"{outcome.trained:,}",
            f"{outcome.milliseconds:.1f}",
            f"{outcome.measured_bytes / _MB:.1f}",
            f"{outcome.predicted_bytes / _MB:.1f}",
        )
    console.print(table)


def save_figure(outcomes: Sequence[Outcome], title: str, path: Path) -> None:
    """Bars of test accuracy and of peak memory, side by side (PNG)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    left, right = figure.subplots(1, 2)
    labels = [outcome.label for outcome in outcomes]
    means = [100 * float(np.mean(outcome.accuracies)) for outcome in outcomes]
    colours = ["#9aa5b1", "#d1495b", "#2e4057"][: len(outcomes)]
    left.bar_label(left.bar(labels, means, color=colours), fmt="%.1f %%")
    left.set_ylabel("test accuracy (%)")
    left.set_ylim(max(0, min(means) - 15), min(100, max(means) + 6))
    measured = [outcome.measured_bytes / _MB for outcome in outcomes]
    bars = right.bar(labels, measured, color=colours, label="measured")
    right.bar_label(bars, fmt="%.0f", padding=8)
    predicted = [outcome.predicted_bytes / _MB for outcome in outcomes]
    right.plot(labels, predicted, "k_", markersize=40, label="predicted")
    right.set_ylabel("peak memory of training (MB)")
    right.set_ylim(0, 1.15 * max(measured))
    right.legend(frameon=False, loc="upper left", markerscale=0.4)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=150)
