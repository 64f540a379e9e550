"""The form in which every data set arrives, and the splits that make it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dataset:
    """Images float32 [N, 3, H, W] normalised as `(x - 127) / 128`; labels int32 [N]."""

    name: str
    classes: tuple[str, ...]
    train_x: NDArray[np.float32]
    train_y: NDArray[np.int32]
    test_x: NDArray[np.float32]
    test_y: NDArray[np.int32]

    def __str__(self) -> str:
        shape = "x".join(str(n) for n in self.train_x.shape[1:])
        return (
            f"{self.name}: {len(self.train_y)} train + {len(self.test_y)} test images of {shape}, "
            f"{len(self.classes)} classes"
        )


@dataclass(frozen=True)
class Texts:
    """Texts and labels int32 [N] in two splits."""

    name: str
    classes: tuple[str, ...]
    train_texts: tuple[str, ...]
    train_y: NDArray[np.int32]
    test_texts: tuple[str, ...]
    test_y: NDArray[np.int32]

    def __str__(self) -> str:
        return (
            f"{self.name}: {len(self.train_y)} train + {len(self.test_y)} test texts, "
            f"{len(self.classes)} classes"
        )


def normalise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [N, H, W] (gray) or [N, H, W, 3] -> float32 [N, 3, H, W], `(x - 127) / 128`."""
    scaled = (images.astype(np.float32) - np.float32(127)) / np.float32(128)
    if scaled.ndim == 3:
        return np.repeat(scaled[:, None], 3, axis=1)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def stratified_split(
    labels: NDArray[np.int32], fraction: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Two shuffled index arrays; the second has `round(fraction * n)` of each class's n samples."""
    rng = np.random.default_rng(seed)
    first, second = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(fraction * len(members))
        second.append(members[:count])
        first.append(members[count:])
    return rng.permutation(np.concatenate(first)), rng.permutation(np.concatenate(second))


def balanced_subset(labels: NDArray[np.int32], count: int, seed: int) -> NDArray[np.intp]:
    """`count` shuffled indices with every class as equally represented as `count` allows.

    Raises ValueError when there are fewer than `count` samples.
    """
    if count > len(labels):
        raise ValueError(f"asked for {count} samples, the data set has {len(labels)}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    rank = np.empty(len(labels), np.intp)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    chosen = order[np.argsort(rank[order], kind="stable")][:count]
    return rng.permutation(chosen)
