"""What the demo trains, and how: tuned once, see docs/demo-tuning.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pock_mlir.data import cifar10, elpv
from pock_mlir.data.dataset import Dataset
from pock_mlir.schemes import Scheme


@dataclass(frozen=True)
class Method:
    """One way to fine-tune.

    Attributes:
        label: for people.
        scheme: what is trained.
        lr: learning rate, tuned for this scheme on a part of the training images.
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


SPARSE = Scheme.from_toml(
    """
    [[rule]]                                   # the classifier
    match = "_fc.*"
    update = "all"
    """,
    name="sparse",
)

RECIPES: Mapping[str, Recipe] = {
    "elpv": Recipe(
        elpv.load,
        size=96,
        batch=16,
        epochs=5,
        momentum=0.9,
        methods=(
            Method("head only", Scheme.load("head"), 0.03),
            Method("sparse", SPARSE, 0.01),
            Method("full", Scheme.load("full"), 0.003),
        ),
    ),
    "cifar10": Recipe(
        lambda size: cifar10.load(size, train=3000, test=1000),
        size=96,
        batch=16,
        epochs=3,
        momentum=0.9,
        methods=(
            Method("head only", Scheme.load("head"), 0.03),
            Method("sparse", SPARSE, 0.01),
            Method("full", Scheme.load("full"), 0.003),
        ),
    ),
}
