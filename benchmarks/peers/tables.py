"""What the page's tables are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.peers.results import Ratio

THREADS = (2, 1)
"""Numbers of threads, in the order of the tables."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; its first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def count(threads: int) -> str:
    """In words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def verdict(ratio: Ratio | None, target: float | None) -> str:
    """The target, and whether the ratio meets it."""
    if target is None or ratio is None:
        return ""
    return f"{target:g}: {'met' if ratio.median >= target else '**not met**'}"
