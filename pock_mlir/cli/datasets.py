"""What to train on: a `.npz` file, or a data set that the package can fetch."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data import Dataset
from pock_mlir.runtime.batches import check_batch
from pock_mlir.runtime.manifest import TensorSpec

Arrays = list[NDArray[Any]]
NAMED = ("elpv", "cifar10")
FORMS = f"{', '.join(NAMED)} or FILE.npz"
LAYOUT = "arrays 'x' and 'y', or 'train_x', 'train_y', 'test_x', 'test_y'"
# Of CIFAR-10's images not all fit into memory as float32 of the usual size.
CIFAR10_TRAIN, CIFAR10_TEST = 5_000, 2_000


@dataclass(frozen=True)
class Split:
    """Samples: the model's inputs, then the targets, each with a row a sample."""

    arrays: Arrays

    def __len__(self) -> int:
        return len(self.arrays[0])

    def rows(self, indices: NDArray[np.intp]) -> Arrays:
        """Some of the samples."""
        return [array[indices] for array in self.arrays]

    def batches(self, size: int) -> Iterator[Arrays]:
        """All samples in order; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield [array[start : start + size] for array in self.arrays]


@dataclass(frozen=True)
class Data:
    """A data set; `test` is None where the file has one split only."""

    name: str
    train: Split
    test: Split | None

    def __str__(self) -> str:
        test = f", {len(self.test)} test" if self.test is not None else ""
        return f"{self.name}: {len(self.train)} training samples{test}"


def load_data(source: str, specs: Sequence[TensorSpec], limit: int | None = None) -> Data:
    """The data set `source` for a program with these inputs and targets.

    `limit` is the most training samples to use.

    Raises:
        ValueError: no such data set, or it does not fit the program.
        FetchError: the data set cannot be downloaded.
    """
    if source in NAMED:
        data = _named(source, specs, limit)
    elif source.endswith(".npz"):
        data = _from_file(Path(source), specs)
    else:
        raise ValueError(f"--data must be {FORMS}, got '{source}'")
    for split in (data.train, data.test):
        if split is not None:
            _check(data.name, split, specs)
    if limit is not None and limit < len(data.train):
        return Data(data.name, Split([array[:limit] for array in data.train.arrays]), data.test)
    return data


def _named(name: str, specs: Sequence[TensorSpec], limit: int | None) -> Data:
    shape = specs[0].shape
    if len(specs) != 2 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        raise ValueError(f"{name} has square images of 3 channels; the program takes {specs[0]}")
    loaded = _fetch(name, shape[2], limit)
    return Data(
        name, Split([loaded.train_x, loaded.train_y]), Split([loaded.test_x, loaded.test_y])
    )


def _fetch(name: str, size: int, limit: int | None) -> Dataset:
    if name == "elpv":
        from pock_mlir.data import elpv

        return elpv.load(size)
    from pock_mlir.data import cifar10

    return cifar10.load(size, train=limit or CIFAR10_TRAIN, test=CIFAR10_TEST)


def _from_file(path: Path, specs: Sequence[TensorSpec]) -> Data:
    arrays = _read(path)
    whole, train, test = (_split(arrays, prefix, specs) for prefix in ("", "train_", "test_"))
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


def _split(
    arrays: Mapping[str, NDArray[Any]], prefix: str, specs: Sequence[TensorSpec]
) -> Split | None:
    """One input may be called `x` and the targets `y`; else they have the program's names."""
    short = ["x"] if len(specs) == 2 else [spec.name for spec in specs[:-1]]
    chosen: Arrays = []
    for spec, other in zip(specs, [*short, "y"], strict=True):
        key = next((prefix + n for n in (other, spec.name) if prefix + n in arrays), None)
        if key is None:
            return None
        chosen.append(arrays[key])
    return Split(chosen)


def _check(name: str, split: Split, specs: Sequence[TensorSpec]) -> None:
    lengths = {spec.name: array.shape[:1] for spec, array in zip(specs, split.arrays, strict=True)}
    if len(set(lengths.values())) > 1 or () in lengths.values():
        raise ValueError(f"{name}: inputs and targets differ in length: {_sizes(lengths)}")
    if not len(split):
        raise ValueError(f"{name}: the data set is empty")
    try:
        check_batch(specs, [array[:1] for array in split.arrays], any_length=True)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _sizes(lengths: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {size[0] if size else 'none'}" for name, size in lengths.items())
