"""Keeping preprocessed arrays as .npz beside the downloaded packages."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.fetch import cache_directory

Arrays = Mapping[str, NDArray[np.generic]]


def cached_arrays(key: str, make: Callable[[], Arrays]) -> dict[str, NDArray[np.generic]]:
    """The arrays kept under `key`, or what `make` returns, kept for the next time.

    A damaged file is made again. The key must name everything the arrays depend on.
    """
    path = cache_directory() / "arrays" / f"{key}.npz"
    try:
        return read(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        arrays = dict(make())
    write(path, arrays)
    return arrays


def read(path: Path) -> dict[str, NDArray[np.generic]]:
    """Every array of an .npz. Raises OSError, EOFError, ValueError or BadZipFile."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def write(path: Path, arrays: Arrays) -> None:
    """Write beside and rename, so that a reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".npz", prefix="incoming-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
