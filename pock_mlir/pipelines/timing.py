"""How long each pass took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_RULE = "===" + "-" * 73 + "==="


class Timing:
    """Wall seconds per pass, in the order in which they ran."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float]] = []

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add a row called `name` for what runs inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.rows.append((name, time.perf_counter() - start))

    def report(self) -> str:
        """The table that `--mlir-timing` prints."""
        total = sum(seconds for _, seconds in self.rows)
        lines = [
            _RULE,
            "... Execution time report ...".center(len(_RULE)).rstrip(),
            _RULE,
            f"  Total Execution Time: {total:.4f} seconds",
            "",
            "  ----Wall Time----  ----Name----",
        ]
        for name, seconds in [*self.rows, ("Total", total)]:
            share = 100 * seconds / total if total else 0.0
            lines.append(f"  {seconds:8.4f} ({share:5.1f}%)  {name}")
        return "\n".join(lines) + "\n"
