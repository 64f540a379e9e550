"""Samples for a program: what it takes, and data sets in that form.

Every reader of files (`npz`, `images`, `tables`, `plain_text`) makes a `Data` for a `Wanted`, and
leaves the checks that all share to `Data.check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.dataset import stratified_split
from pock_mlir.runtime.batches import check_batch, check_labels
from pock_mlir.runtime.manifest import TensorSpec

Array = NDArray[Any]
Tell = Callable[[str], object]
"""Is told what a reader is doing, now and then."""

SHOWN = 5
"""How many offenders a message lists."""


@dataclass(frozen=True)
class Wanted:
    """What a program takes.

    Attributes:
        specs: of a batch: the model's inputs, then the targets.
        classes: how many labels the targets tell apart; None where they are no labels.
        ignored: the label of targets that do not count.
    """

    specs: tuple[TensorSpec, ...]
    classes: int | None = None
    ignored: int | None = None

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The model's inputs."""
        return self.specs[:-1]

    @property
    def targets(self) -> TensorSpec:
        """The targets."""
        return self.specs[-1]

    def called(self, names: Sequence[str]) -> Wanted:
        """The same by other names, which messages give."""
        specs = zip(self.specs, names, strict=True)
        return replace(self, specs=tuple(replace(spec, name=name) for spec, name in specs))


@dataclass(frozen=True)
class Split:
    """Samples: the model's inputs, then the targets, each with a row a sample.

    `prepare` makes of the first input's rows what the program takes, such as floats of bytes.
    `names` are the arrays' in their file, where they have any there.
    """

    arrays: list[Array]
    prepare: Callable[[Array], Array] | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.arrays[0])

    def rows(self, chosen: NDArray[np.intp] | slice) -> list[Array]:
        """Some of the samples, as the program takes them."""
        rows = [array[chosen] for array in self.arrays]
        return rows if self.prepare is None else [self.prepare(rows[0]), *rows[1:]]

    def batches(self, size: int) -> Iterator[list[Array]]:
        """All samples in order; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield self.rows(slice(start, start + size))

    def subset(self, chosen: NDArray[np.intp] | slice) -> Split:
        """Some of the samples as a split of their own."""
        return replace(self, arrays=[array[chosen] for array in self.arrays])


@dataclass(frozen=True)
class Data:
    """A data set; `test` is None where it has one split only, `classes` where nobody named them.

    `ordered` says that neighbours belong together, as the blocks of a text do.
    """

    name: str
    train: Split
    test: Split | None = None
    classes: tuple[str, ...] | None = None
    ordered: bool = False

    def __str__(self) -> str:
        test = f", {len(self.test)} test" if self.test is not None else ""
        return f"{self.name}: {len(self.train)} training samples{test}"

    def held_out(self, fraction: float, seed: int = 0) -> Data:
        """A part of the training samples as the test samples.

        Of labels, the same part of each class, drawn by `seed`; of a text, its end.

        Raises:
            ValueError: there are test samples already, or one of the splits would be empty.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"the part to hold out must be between 0 and 1, got {fraction}")
        if self.test is not None:
            raise ValueError(f"{self.name} has test samples of its own; hold out nothing")
        train, test = self._cut(fraction, seed)
        if not len(train) or not len(test):
            raise ValueError(
                f"{self.name}: {len(self.train)} samples are too few to hold out {fraction:g} of"
            )
        return replace(self, train=self.train.subset(train), test=self.train.subset(test))

    def _cut(self, fraction: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        count, targets = len(self.train), self.train.arrays[-1]
        if not self.ordered and targets.ndim == 1 and targets.dtype.kind in "iu":
            return stratified_split(targets, fraction, seed)
        order = np.arange(count)
        if not self.ordered:
            order = np.random.default_rng(seed).permutation(count)
        first = count - round(fraction * count)
        return order[:first], order[first:]

    def limited(self, count: int | None) -> Data:
        """The first `count` training samples only."""
        if count is None or count >= len(self.train):
            return self
        return replace(self, train=self.train.subset(slice(count)))

    def check(self, wanted: Wanted) -> Data:
        """The same data, which the program can take.

        Raises:
            ValueError: it is empty, ragged, of other shapes or types, or has labels or token ids
                that the program does not know.
        """
        for split in (self.train, self.test):
            if split is not None:
                _check(self.name, split, wanted)
        return self


def _check(name: str, split: Split, wanted: Wanted) -> None:
    names = split.names or tuple(spec.name for spec in wanted.specs)
    wanted = wanted.called(names)
    lengths = {key: array.shape[:1] for key, array in zip(names, split.arrays, strict=True)}
    if len(set(lengths.values())) > 1 or () in lengths.values():
        raise ValueError(f"{name}: inputs and targets differ in length: {_sizes(lengths)}")
    if not len(split):
        raise ValueError(f"{name}: the data set is empty")
    try:
        # What is prepared batch by batch was made by a reader of ours: one row of it is enough.
        rows = split.arrays if split.prepare is None else split.rows(slice(1))
        check_batch(wanted.specs, rows, any_length=True)
        if wanted.classes is not None:
            check_labels(wanted.targets, split.arrays[-1], wanted.classes, wanted.ignored)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _sizes(lengths: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {size[0] if size else 'none'}" for name, size in lengths.items())


def listed(offenders: Sequence[object], shown: int = SHOWN) -> str:
    """The first of them, and how many more there are."""
    words = ", ".join(str(each) for each in offenders[:shown])
    more = len(offenders) - shown
    return f"{words} and {more} more" if more > 0 else words


def class_numbers(
    name: str, found: Sequence[str], wanted: Wanted, named: Sequence[str] | None
) -> tuple[str, ...]:
    """The classes in the order of their numbers: as `named`, or as many as the program has, sorted.

    Numbers in the data stand for themselves.

    Raises:
        ValueError: a class in the data is none of `named`, or their number is not the program's.
    """
    there = set(found)
    classes = tuple(named) if named else tuple(sorted(there))
    unknown = sorted(there - set(classes))
    if unknown:
        raise ValueError(f"{name}: no such class: {listed(unknown)}; there is {listed(classes)}")
    if wanted.classes is not None and len(classes) != wanted.classes:
        raise ValueError(
            f"{name} has {len(classes)} classes ({listed(classes)}), the program tells "
            f"{wanted.classes} apart; name all of them in the order of their numbers"
        )
    return classes
