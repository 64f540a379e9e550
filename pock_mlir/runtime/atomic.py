"""Writing a file so that a crash at any moment leaves the old one or the new one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".partial"
_serial = itertools.count()


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[BinaryIO, None, None]:
    """Open a file beside `path` that takes its place when the block ends without an exception.

    Its bytes are on the disk before the name changes. What killed processes left beside `path` is
    removed first.
    """
    target = Path(path)
    _remove_leftovers(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.{next(_serial)}{_SUFFIX}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every file system can
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(target: Path) -> None:
    for name in os.listdir(target.parent):  # noqa: PTH208, a missing directory names itself here
        if name.startswith(f".{target.name}.") and name.endswith(_SUFFIX):
            owner = name.removesuffix(_SUFFIX).split(".")[-2]
            if owner.isdigit() and not _is_alive(int(owner)):
                target.with_name(name).unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
