"""The page's part about how time grows with the batch and with the depth."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.cases import DEPTHS, SCALING_BATCHES, SCALING_MODEL, Case, blocks, find_model
from benchmarks.peers.results import Ratio, Results
from benchmarks.peers.tables import THREADS, count, table

SCHEMES = ("full", "sparse")


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
    rows = list[list[str]]()
    for case, size in zip(cases, sizes, strict=True):
        for scheme in SCHEMES:
            cells = [cell for each in THREADS for cell in _cells(results, case, each, scheme)]
            if any(cells):
                rows.append([f"{size} {scheme}", *cells, _compile(results, case, scheme)])
    columns = [(f"ours, ms, {count(each)}", "PyTorch / ours") for each in THREADS]
    head = ["", *(name for pair in columns for name in pair), "compile, s"]
    return f"{title}:\n\n{table(head, rows)}" if rows else ""


def _cells(results: Results, case: Case, threads: int, scheme: str) -> tuple[str, str]:
    place = (case.model.name, case.batch, threads, f"ours/{scheme}", f"pytorch/{scheme}")
    ratio, ours = results.ratio(*place), results.our_ms(*place)
    if ours is None or not isinstance(ratio, Ratio):
        return ("", "")
    return f"{ours:.3g}", str(ratio)


def _compile(results: Results, case: Case, scheme: str) -> str:
    session = results.latest(case.model.name, case.batch, f"ours/{scheme}")
    ours = session["contestants"][f"ours/{scheme}"] if session else {}
    return f"{ours['compile_s']:.1f}" if "compile_s" in ours else ""
