"""How far something is: on a terminal in place, elsewhere (logs, pipes) as a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PAUSE = 10.0
"""Seconds between lines that tell of the same thing."""


@dataclass
class Lines:
    """Lines with the time since the beginning, in the place of what moves on a terminal."""

    console: Console
    started: float = field(default_factory=lambda: time.monotonic(), init=False)
    last: float = field(default_factory=lambda: time.monotonic(), init=False)

    def print(self, text: str) -> None:
        """A line."""
        self.last = time.monotonic()
        seconds = self.last - self.started
        self.console.print(f"{seconds:6.1f} s  {text}", soft_wrap=True, markup=False)

    def print_seldom(self, text: str) -> None:
        """A line, unless the last one, or the beginning, was just now."""
        if time.monotonic() - self.last >= PAUSE:
            self.print(text)


@contextmanager
def stages(
    console: Console, first: str, *, seldom: bool = False
) -> Iterator[Callable[[str], object]]:
    """Tell of stages, one after the other; what is yielded is told the next one's name.

    `seldom` is for many stages that are short: not every one gets a line.
    """
    if console.is_interactive:
        with console.status(first) as status:
            yield status.update
        return
    lines = Lines(console)
    tell = lines.print_seldom if seldom else lines.print
    tell(first)
    yield tell


class Task:
    """Something with steps; begin another with `stage`, take steps with `advance`."""

    def __init__(self, shown: Progress | Lines, text: str, total: int | None, done: int) -> None:
        self._shown, self._text, self._total, self._done = shown, text, total, done
        self._id = TaskID(0)
        if isinstance(shown, Progress):
            self._id = shown.add_task(text, total=total, completed=done, note="")
        else:
            shown.print(text)

    def stage(self, text: str, total: int | None = None) -> None:
        """Begin the next stage: its steps are counted anew, where a `total` of them is given."""
        self._text = text
        if total is not None:
            self._total, self._done = total, 0
        if isinstance(self._shown, Lines):
            self._shown.print(text)
        elif total is None:
            self._shown.update(self._id, description=text)
        else:
            self._shown.reset(self._id, total=total, description=text)

    def advance(self, note: str) -> None:
        """Take a step, with something to say of it."""
        self._done += 1
        if isinstance(self._shown, Lines):
            self._shown.print_seldom(f"{self._text}  {self._done}/{self._total}  {note}")
        else:
            self._shown.update(self._id, advance=1, note=note)


@dataclass(frozen=True)
class Tracker:
    """Tasks, and lines between them."""

    console: Console
    shown: Progress | Lines

    def task(self, text: str, total: int | None = None, done: int = 0) -> Task:
        """A task of `total` steps, some of which may be done already."""
        return Task(self.shown, text, total, done)


@contextmanager
def tracking(console: Console, width: int = 0) -> Iterator[Tracker]:
    """A bar for each task, with `width` characters at least for its text; or lines."""
    if not console.is_interactive:
        yield Tracker(console, Lines(console))
        return
    columns = (
        TextColumn(f"{{task.description:<{width}}}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Tracker(progress.console, progress)
