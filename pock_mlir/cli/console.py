"""Where the command prints: results to stdout, progress to stderr."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """A line to stderr about what was done, that people may not expect."""
    err.print(f"note: {text}", soft_wrap=True, markup=False)


def table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i else "left", overflow="fold")
    return made


def count(number: float) -> str:
    """1234567 as "1,234,567"."""
    return f"{number:,.0f}"


def size(number: float) -> str:
    """A number of bytes, with a unit of 1000s."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"
