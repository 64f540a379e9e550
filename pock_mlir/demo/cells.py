"""EfficientNet-Lite0 learns to grade photos of solar cells, or CIFAR-10's classes.

Tuned once, see docs/demo-tuning.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pock_mlir import zoo
from pock_mlir.data import cifar10, elpv
from pock_mlir.data.dataset import Dataset
from pock_mlir.demo.classification import Classification
from pock_mlir.demo.job import Method
from pock_mlir.optimizers import SGD
from pock_mlir.schemes import Scheme
from pock_mlir.zoo import scheme_path

MODEL, HEAD, FEATURES = "efficientnet_lite0", "_fc.", 1280
SIZE, BATCH, MOMENTUM = 96, 16, 0.9


@dataclass(frozen=True)
class Photos:
    """A data set of photos, and what was tuned for it: epochs, and the rates of each method."""

    load: Callable[[int], Dataset]
    epochs: int
    head: float
    sparse: float
    full: float

    def methods(self) -> tuple[Method, ...]:
        """What is compared."""
        return (
            Method("head only", Scheme.load("head"), self.head),
            Method("sparse", Scheme.load(scheme_path(MODEL, "sparse")), self.sparse),
            Method("full", Scheme.load(scheme_path(MODEL, "full")), self.full),
        )


PHOTOS: Mapping[str, Photos] = {
    "elpv": Photos(elpv.load, epochs=5, head=0.003, sparse=0.003, full=0.001),
    "cifar10": Photos(
        lambda size: cifar10.load(size, train=3000, test=1000),
        epochs=3,
        head=0.01,
        sparse=0.01,
        full=0.003,
    ),
}


def job(data: str = "elpv", epochs: int | None = None) -> Classification:
    """The job on a data set of PHOTOS.

    Raises ValueError for an unknown one, FetchError when the photos cannot be had.
    """
    if data not in PHOTOS:
        raise ValueError(f"unknown data set '{data}'; there is {', '.join(PHOTOS)}")
    photos = PHOTOS[data]
    dataset = photos.load(SIZE)
    return Classification(
        title=str(dataset),
        methods=photos.methods(),
        network=lambda: zoo.create(MODEL, num_classes=len(dataset.classes), pretrained=True),
        head=HEAD,
        features=FEATURES,
        train=(dataset.train_x, dataset.train_y),
        test=(dataset.test_x, dataset.test_y),
        batch=BATCH,
        epochs=epochs or photos.epochs,
        make_optimizer=lambda lr: SGD(lr=lr, momentum=MOMENTUM),
    )
