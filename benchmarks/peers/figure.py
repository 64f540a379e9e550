"""The page's figure: how many times faster we are than each peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers.cases import MODELS
from benchmarks.peers.environments import PEERS
from benchmarks.peers.results import Ratio, Results

SCHEMES = ("full", "sparse")
THREADS = 2


def draw(results: Results, path: Path) -> bool:
    """Write the figure, one panel a scheme; False where there is nothing to draw."""
    rows = {scheme: _rows(results, scheme) for scheme in SCHEMES}
    if not any(rows.values()):
        return False
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    height = 1.2 + 0.45 * max(map(len, rows.values()))
    figure, axes = pyplot.subplots(1, len(SCHEMES), figsize=(12, height), sharex=True)
    for axis, scheme in zip(axes, SCHEMES, strict=True):
        _panel(axis, scheme, rows[scheme])
    handles = {h.get_label(): h for axis in axes for h in axis.get_legend_handles_labels()[0]}
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=len(handles) or 1)
    figure.tight_layout(rect=(0, 0.6 / height, 1, 1))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True


def _rows(results: Results, scheme: str) -> list[tuple[str, dict[str, Ratio]]]:
    found = list[tuple[str, dict[str, Ratio]]]()
    for model in MODELS.values():
        for batch in model.batches:
            ratios = {
                peer: ratio
                for peer in PEERS
                if isinstance(
                    ratio := results.ratio(
                        model.name, batch, THREADS, f"ours/{scheme}", f"{peer}/{scheme}"
                    ),
                    Ratio,
                )
            }
            if ratios:
                found.append((f"{model.name}, batch {batch}", ratios))
    return found


def _panel(axis: Any, scheme: str, rows: list[tuple[str, dict[str, Ratio]]]) -> None:
    """A point for each peer, with the middle half."""
    for number, peer in enumerate(PEERS):
        places = [place for place, (_, ratios) in enumerate(rows) if peer in ratios]
        ratios = [rows[place][1][peer] for place in places]
        if not ratios:
            continue
        middle = [r.median for r in ratios]
        spread = [[r.median - r.low for r in ratios], [r.high - r.median for r in ratios]]
        axis.errorbar(
            middle, places, xerr=spread, fmt="o", color=f"C{number}", label=peer, markersize=5
        )
    axis.axvline(1, color="grey", linewidth=1)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_yticks(range(len(rows)), [name for name, _ in rows])
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.set_title(f"{scheme}: time of the peer / ours, {THREADS} threads")
