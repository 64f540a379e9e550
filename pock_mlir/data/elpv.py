"""Solar-cell photos (ELPV): 2,624 electroluminescence images of 300x300 px, 4 defect levels.

From the PyPI package elpv-dataset, whose data is licensed CC-BY-NC-SA-4.0: not for commercial use.
Source: Buerhop-Lutz et al., "A Benchmark for Visual Identification of Defective Solar Cells in
Electroluminescence Imagery", EU PVSEC 2018.
"""

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.cache import cached_arrays
from pock_mlir.data.dataset import Dataset, normalise, stratified_split
from pock_mlir.data.fetch import PythonPackage, Report, say

PACKAGE = PythonPackage(
    name="elpv-dataset",
    version="1.0.0.post1",
    file="elpv_dataset-1.0.0.post1-py3-none-any.whl",
    sha256="85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
    megabytes=91,
)
FOLDER = "elpv_dataset/data/"
CLASSES = ("functional", "slightly defective", "probably defective", "defective")
SPLIT_SEED = 2018
TEST_FRACTION = 0.25


def load(
    size: int = 96,
    *,
    seed: int = SPLIT_SEED,
    test_fraction: float = TEST_FRACTION,
    report: Report = say,
) -> Dataset:
    """The photos resized to `size` px, split per class into train and test by `seed`.

    With the defaults: 1,968 training and 656 test photos, labels 0..3 for the defect
    probabilities 0, 1/3, 2/3, 1. Raises FetchError when the package cannot be had.
    """
    arrays = cached_arrays(f"elpv-{PACKAGE.version}-{size}px", lambda: decode(size, report))
    images = arrays["images"].astype(np.uint8, copy=False)
    labels = arrays["labels"].astype(np.int32, copy=False)
    train, test = stratified_split(labels, test_fraction, seed)
    return Dataset(
        name="elpv",
        classes=CLASSES,
        train_x=normalise(images[train]),
        train_y=labels[train],
        test_x=normalise(images[test]),
        test_y=labels[test],
    )


def decode(size: int, report: Report = say) -> dict[str, NDArray[np.generic]]:
    """`images` uint8 [2624, size, size] and `labels` int32 [2624], in the package's order."""
    path = PACKAGE.fetch(report)
    report(f"resizing the photos to {size}x{size} px (once)")
    with zipfile.ZipFile(path) as wheel:
        rows = [line.split() for line in wheel.read(FOLDER + "labels.csv").decode().splitlines()]
        rows = [row for row in rows if row]
        images = np.stack([resized(wheel.read(FOLDER + row[0]), size) for row in rows])
    labels = np.array([round(float(row[1]) * 3) for row in rows], np.int32)
    return {"images": images, "labels": labels}


def resized(png: bytes, size: int) -> NDArray[np.uint8]:
    """One photo, gray, [size, size]; area-averaging, as it only ever shrinks by much."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        gray = image.convert("L").resize((size, size), Image.Resampling.BOX)
        return np.asarray(gray, np.uint8)
