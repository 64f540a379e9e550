"""Files that a command writes: nothing that was on the disk is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def require_other(path: Path, inputs: Iterable[str | Path | None]) -> None:
    """Refuse to write over what the command reads. Raises ValueError."""
    for each in inputs:
        if each is not None and path.exists() and path.resolve() == Path(each).resolve():
            raise ValueError(f"{path} is what is read; give another name to write to")


def require_new(path: Path, *, force: bool) -> None:
    """Refuse to write over a file without --force. Raises ValueError."""
    if path.exists() and not force:
        raise ValueError(f"{path} is there already; give --force to write over it")
