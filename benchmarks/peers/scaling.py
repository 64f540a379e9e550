"""The page's part about how time grows with the batch and with the depth."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.peers.cases import DEPTHS, SCALING_BATCHES, SCALING_MODEL, Case, blocks, find_model
from benchmarks.peers.results import Ratio, Results

SCHEMES = ("full", "sparse")
HEAD = ("2 threads", "1 thread")


_HEAD = """\
### Scaling

Rows may be of different days and commits, which `benchmarks/peers.json` has: the ratios of a row
compare, the times of two rows do not.
"""


def scaling_section(results: Results) -> str:
    """Tables over batch and depth; empty where nothing of it was measured."""
    by_batch = [Case(find_model(SCALING_MODEL), batch) for batch in SCALING_BATCHES]
    by_depth = [Case(blocks(depth), 1) for depth in DEPTHS]
    parts = [
        _table(results, f"{SCALING_MODEL}, by batch", by_batch, SCALING_BATCHES),
        _table(results, "A transformer of width 128, by blocks, batch 1", by_depth, DEPTHS),
    ]
    found = [part for part in parts if part]
    return "\n".join([_HEAD, *found]) if found else ""


def _table(results: Results, title: str, cases: Sequence[Case], sizes: Sequence[int]) -> str:
    rows = list[str]()
    for case, size in zip(cases, sizes, strict=True):
        for scheme in SCHEMES:
            cells = [cell for threads in (2, 1) for cell in _cells(results, case, threads, scheme)]
            if any(cells):
                rows.append(
                    f"| {size} {scheme} | "
                    + " | ".join(cells)
                    + f" | {_compile(results, case, scheme)} |"
                )
    if not rows:
        return ""
    head = " | ".join(f"ours, ms, {each} | PyTorch / ours" for each in HEAD)
    return (
        f"{title}:\n\n| | {head} | compile, s |\n|---|---:|---:|---:|---:|---:|\n"
        + "\n".join(rows)
        + "\n"
    )


def _cells(results: Results, case: Case, threads: int, scheme: str) -> tuple[str, str]:
    place = (case.model.name, case.batch, threads)
    ratio = results.ratio(*place, f"ours/{scheme}", f"pytorch/{scheme}")
    session = results.find(*place, f"ours/{scheme}", f"pytorch/{scheme}")
    if session is None or not isinstance(ratio, Ratio):
        return ("", "")
    return f"{statistics.median(session['contestants'][f'ours/{scheme}']['ms']):.3g}", str(ratio)


def _compile(results: Results, case: Case, scheme: str) -> str:
    session = results.latest(case.model.name, case.batch, f"ours/{scheme}")
    ours = session["contestants"][f"ours/{scheme}"] if session else {}
    return f"{ours['compile_s']:.1f}" if "compile_s" in ours else ""
