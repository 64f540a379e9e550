"""Samples in a `.npz` file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.samples import Array, Data, Split, Wanted

LAYOUT = "arrays 'x' and 'y', or 'train_x', 'train_y', 'test_x', 'test_y'"


def load(path: Path, wanted: Wanted) -> Data:
    """The samples of a file: arrays `x` and `y`, or those of two splits.

    Several inputs have the program's names. Nothing pickled is read.

    Raises:
        ValueError: no such file, or not of this form.
    """
    arrays = _read(path)
    whole, train, test = (_split(arrays, prefix, wanted) for prefix in ("", "train_", "test_"))
    first = whole if train is None else train
    if first is None:
        raise ValueError(f"{path} must have {LAYOUT}; it has {', '.join(arrays) or 'nothing'}")
    return Data(path.name, first, test)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ValueError(f"{path} is no .npz file of plain arrays: {error}") from error


def _split(arrays: Mapping[str, Array], prefix: str, wanted: Wanted) -> Split | None:
    """One input may be called `x` and the targets `y`; else they have the program's names."""
    short = ["x"] if len(wanted.inputs) == 1 else [spec.name for spec in wanted.inputs]
    keys: list[str] = []
    for spec, other in zip(wanted.specs, [*short, "y"], strict=True):
        key = next((prefix + n for n in (other, spec.name) if prefix + n in arrays), None)
        if key is None:
            return None
        keys.append(key)
    return Split([arrays[key] for key in keys], names=tuple(keys))
