"""`pock tune`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from pock_mlir.cli import console
from pock_mlir.progress import tracking
from pock_mlir.runtime.artifact import load_artifact
from pock_mlir.runtime.device import LOCAL_DRIVERS
from pock_mlir.tuning import (
    Convolution,
    Database,
    Form,
    Measured,
    Subject,
    Tuning,
    parse_subject,
    user_file,
)
from pock_mlir.tuning.machine import section_of

EXAMPLE = """
pock tune cells.pock
pock compile zoo:efficientnet_lite0 --pretrained --classes 4 --scheme last-4 -o cells.pock --force
"""
_ROWS = 20
"""Rows that the table shows."""


def tune_command(
    program: Annotated[Path, typer.Argument(metavar="FILE.pock", help="A compiled program.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file to add measurements to.", show_default="in the cache"
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.001, help="About how long each form may run.")
    ] = 0.15,
    again: Annotated[
        bool, typer.Option("--again", help="Measure what is known already, too.")
    ] = False,
) -> None:
    """Measure the forms of a program's products and convolutions here.

    On one thread. Later compilations for this machine take the fastest of each. What was measured
    is kept one by one, and not measured again.
    """
    counts = _subjects(program)
    path = output or user_file()
    kept = Database.load(path) if path.exists() else Database()
    before = Tuning.load(files=[path] if path.exists() else [])
    left = [each for each in _with_stacks(counts, before) if again or before.measured(each) is None]
    _measure(left, before, kept, path, seconds)
    after = Tuning.load(files=[path] if path.exists() else [])
    rows = [_Row.of(each, count, before, after) for each, count in counts.items()]
    console.out.print(_table(rows))
    console.out.print(_conclusion(rows, len(left), path))


def _subjects(program: Path) -> dict[Subject, int]:
    """What a step of the program multiplies, and how often. Raises ValueError."""
    manifest = load_artifact(program).manifest
    if manifest.driver not in LOCAL_DRIVERS:
        raise ValueError(
            f"{program} is for {manifest.target}; only programs for processors are tuned"
        )
    listed: Any = manifest.report.get("products")
    if not listed or not isinstance(listed, Mapping):
        raise ValueError(
            f"{program} lists no products or convolutions: it has none that are large and of f32, "
            "or an older pock-mlir made it; then compile it again"
        )
    counts = cast("Mapping[str, int]", listed)
    return {parse_subject(text): int(count) for text, count in counts.items()}


def _with_stacks(subjects: Iterable[Subject], tuning: Tuning) -> list[Subject]:
    """Before each convolution, the products that Winograd's forms of it would have."""
    found: dict[Subject, None] = {}
    for subject in subjects:
        if isinstance(subject, Convolution):
            sides = [form.side for form in tuning.allowed(subject) if form.side]
            found |= dict.fromkeys(subject.stack(side) for side in sides)
        found[subject] = None
    return list(found)


def _measure(
    left: Sequence[Subject],
    tuning: Tuning,
    kept: Database,
    path: Path,
    seconds: float,
) -> None:
    """Measure, and keep each measurement at once."""
    if not left:
        return
    from pock_mlir.backends.iree.measure import measure

    section = kept.sections.setdefault(section_of(tuning.machine), {})
    with tracking(console.err) as tracker:
        task = tracker.task(f"measure on {tuning.machine.name}", len(left))
        for subject in left:
            forms = tuning.allowed(subject)
            section[subject] = measure(subject, forms, tuning, seconds=seconds)
            kept.save(path)
            task.advance(str(subject))


# ---- what came of it -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """What a step multiplies `count` times: its forms, with nanoseconds of all of the kind."""

    subject: Subject
    count: int
    before: Form
    now: Form
    time_before: float
    time: float

    @classmethod
    def of(cls, subject: Subject, count: int, before: Tuning, after: Tuning) -> _Row:
        measured = after.measured(subject) or Measured(after.estimated(subject), {})
        old, new = before.form_of(subject), after.form_of(subject)
        time = measured.times.get(new, 0.0)
        return cls(subject, count, old, new, count * measured.times.get(old, time), count * time)


def _table(rows: Sequence[_Row]) -> Table:
    made = console.table("what a step multiplies", "", "times", "ms", "share", "was", "is", "")
    total = sum(row.time for row in rows) or 1.0
    shown = sorted(rows, key=lambda row: -row.time)
    for row in shown[:_ROWS]:
        made.add_row(
            str(row.subject),
            console.count(row.count),
            f"{row.time / 1e6:.2f}",
            f"{100 * row.time / total:.0f} %",
            str(row.before),
            str(row.now),
            f"{row.time_before / row.time:.2f} x" if row.before != row.now and row.time else "",
        )
    if len(rows) > _ROWS:
        made.caption = f"and {len(rows) - _ROWS} more, which take less"
    return made


def _option(path: Path) -> str:
    """What `pock compile` needs to be told to find the measurements."""
    return "" if path == user_file() else f" with --tuning {path}"


def _conclusion(rows: Sequence[_Row], measured: int, path: Path) -> str:
    before = sum(row.time_before for row in rows) / 1e6
    now = sum(row.time for row in rows) / 1e6
    if not measured:
        return f"All {len(rows)} of them are known already; --again measures them anew."
    return (
        f"All of them: {before:.1f} ms with the forms that were, {now:.1f} ms with those that are "
        f"fastest. Measurements are in {path}; compile the program again{_option(path)} to use "
        "them."
    )
