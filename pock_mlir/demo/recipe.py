"""What the demo trains, and how: tuned once, see docs/demo-tuning.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pock_mlir.data import cifar10, elpv
from pock_mlir.data.dataset import Dataset
from pock_mlir.schemes import Scheme
from pock_mlir.zoo import scheme_path


@dataclass(frozen=True)
class Method:
    """One way to fine-tune.

    Attributes:
        label: for people.
        scheme: what is trained.
        lr: learning rate of the first step, tuned for this scheme on a part of the training images;
            it falls to zero along a cosine.
    """

    label: str
    scheme: Scheme
    lr: float


@dataclass(frozen=True)
class Recipe:
    """A data set and the hyperparameters for it.

    Attributes:
        load: image size -> data set.
        size: image size in pixels.
        batch: images per step.
        epochs: passes over the training images.
        momentum: of SGD.
        methods: what is compared.
    """

    load: Callable[[int], Dataset]
    size: int
    batch: int
    epochs: int
    momentum: float
    methods: tuple[Method, ...]

    def steps(self, dataset: Dataset) -> int:
        """How many full batches there are in all epochs."""
        return self.epochs * (len(dataset.train_y) // self.batch)


MODEL = "efficientnet_lite0"


def _methods(head: float, sparse: float, full: float) -> tuple[Method, ...]:
    return (
        Method("head only", Scheme.load("head"), head),
        Method("sparse", Scheme.load(scheme_path(MODEL, "sparse")), sparse),
        Method("full", Scheme.load(scheme_path(MODEL, "full")), full),
    )


RECIPES: Mapping[str, Recipe] = {
    "elpv": Recipe(
        elpv.load, size=96, batch=16, epochs=5, momentum=0.9, methods=_methods(0.003, 0.003, 0.001)
    ),
    "cifar10": Recipe(
        lambda size: cifar10.load(size, train=3000, test=1000),
        size=96,
        batch=16,
        epochs=3,
        momentum=0.9,
        methods=_methods(0.01, 0.01, 0.003),
    ),
}
