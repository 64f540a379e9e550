"""The page's part about rows that fall short of their target, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from benchmarks.peers.cases import (
    PAPER,
    SCHEMES,
    Case,
    all_cases,
    paper_target,
    same_scheme_target,
)
from benchmarks.peers.results import Ratio, Results
from benchmarks.peers.tables import THREADS, count, table

_HEAD = """\
### Rows that fall short

How much of our step are products? Their time here is that of the forms that were chosen, as
`pock tune` measured each by itself on one thread, or as the model of costs estimates what was not
measured, divided by the threads. Depthwise convolutions and small products are not in it. The last
column estimates what the ratio would be if our step did nothing else and no thread ever waited:
near the target or below it, only faster or fewer products would help.

"""
_COLUMNS = (
    "step",
    "compared with",
    "ratio",
    "target",
    "ours, ms",
    "products / threads, ms",
    "ratio of products only",
)


@dataclass(frozen=True)
class _Row:
    """A row below its target, and what it compares."""

    case: Case
    threads: int
    scheme: str
    peer_scheme: str
    ratio: Ratio
    target: float

    def cells(self, results: Results) -> list[str]:
        """The row of the table; the last cells are empty where no products were kept."""
        model, batch = self.case.model.name, self.case.batch
        theirs = f"{self.ratio.peer}/{self.peer_scheme}"
        ours = results.our_ms(model, batch, self.threads, f"ours/{self.scheme}", theirs)
        assert ours is not None, "there is a ratio"
        products = _products_ms(results, self.case, self.scheme)
        scheme = "the paper's scheme" if self.scheme == PAPER else self.scheme
        cells = [f"{model} batch {batch} {scheme}, {count(self.threads)}", theirs]
        cells += [f"{self.ratio.median:.2f}", f"{self.target:g}", f"{ours:.4g}"]
        if products is None:
            return [*cells, "", ""]
        alone = products / self.threads
        return [*cells, f"{alone:.4g}", f"{self.ratio.median * ours / alone:.2f}"]


def shortfalls(results: Results) -> str:
    """The table; empty where all targets are met."""
    short = (*_short_of_same_scheme(results), *_short_of_paper(results))
    rows = [row.cells(results) for row in short]
    return _HEAD + table(_COLUMNS, rows) if rows else ""


def _short_of_same_scheme(results: Results) -> Iterator[_Row]:
    for threads, case, scheme in product(THREADS, all_cases(), SCHEMES):
        ratio = results.fastest(case.model.name, case.batch, threads, scheme)
        target = same_scheme_target(case.model, case.batch, scheme)
        if ratio and target and ratio.median < target:
            yield _Row(case, threads, scheme, scheme, ratio, target)


def _short_of_paper(results: Results) -> Iterator[_Row]:
    peers = ("pytorch", "tensorflow")
    for threads, case, scheme, peer in product(THREADS, all_cases(), ("sparse", PAPER), peers):
        ratio = results.across(case.model.name, case.batch, threads, scheme, peer)
        target = paper_target(case.model, case.batch, peer)
        if ratio and target and ratio.median < target:
            yield _Row(case, threads, scheme, "full", ratio, target)


def _products_ms(results: Results, case: Case, scheme: str) -> float | None:
    """What the products of our step take on one thread, in ms, by the latest session that knows."""
    known = [
        kept["products_ms"]
        for session, kept in results.contestants(f"ours/{scheme}")
        if (session["model"], session["batch"]) == (case.model.name, case.batch)
        and "products_ms" in kept
    ]
    return known[-1] if known else None
