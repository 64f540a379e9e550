"""Losses on the host, in f64: checking targets, and scoring predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.batches import check_labels
from pock_mlir.runtime.manifest import TensorSpec

Array = NDArray[Any]
Loss = Mapping[str, Any]
"""What a manifest says of the loss: its kind and its options."""
Sums = dict[str, tuple[float, float]]
"""For each figure, a sum and what it is to be divided by."""

LABELS = ("cross-entropy", "causal-lm")
_CHUNK = 1 << 22
"""Elements of the logits that are converted to f64 at a time."""


def classes(loss: Loss, output: Sequence[int]) -> int | None:
    """How many classes the targets are labels of; None where they are no labels."""
    if loss.get("kind") == "causal-lm":
        return output[-1]
    return output[_axis(loss)] if loss.get("kind") == "cross-entropy" else None


def check_targets(loss: Loss, spec: TensorSpec, targets: Array, output: Sequence[int]) -> None:
    """Raise ValueError for a label outside of the classes, or a probability outside of [0, 1]."""
    count = classes(loss, output)
    if count is not None:
        check_labels(spec, targets, count, ignored=loss.get("ignore_index"))
    elif loss.get("kind") == "binary-cross-entropy":
        wrong = targets[~((targets >= 0) & (targets <= 1))]
        if wrong.size:
            raise ValueError(f"'{spec.name}': target {wrong.flat[0]} is not between 0 and 1")


def require_a_target(loss: Loss, spec: TensorSpec, targets: Array) -> None:
    """Raise ValueError where no target counts: such a batch has no mean."""
    ignored = loss.get("ignore_index")
    labels = targets[:, 1:] if loss.get("kind") == "causal-lm" else targets
    if ignored is not None and loss.get("kind") in LABELS and (labels == ignored).all():
        raise ValueError(f"'{spec.name}': every target is {ignored}, the one to ignore")


def score(loss: Loss, outputs: Array, targets: Array) -> Sums:
    """The sums of "loss", and "accuracy" of a classifier, over a batch.

    Raises:
        ValueError: the loss is not one that can be computed here.
    """
    kind = str(loss.get("kind"))
    if kind not in _SCORES:
        raise ValueError(f"cannot evaluate the loss '{kind}'")
    return _SCORES[kind](loss, outputs, targets)


def means(sums: Sums, loss: Loss) -> dict[str, float]:
    """The figures; of a language model also "perplexity", exp(loss). Raises ValueError for none."""
    if not sums or not all(count for _, count in sums.values()):
        raise ValueError("nothing to evaluate: the data is empty")
    figures = {name: total / count for name, (total, count) in sums.items()}
    if loss.get("kind") == "causal-lm":
        figures["perplexity"] = math.exp(min(figures["loss"], 700.0))
    return figures


def add(sums: Sums, more: Sums) -> Sums:
    """Both together."""
    zero = (0.0, 0.0)
    return {
        name: (sums.get(name, zero)[0] + total, sums.get(name, zero)[1] + count)
        for name, (total, count) in more.items()
    }


def _axis(loss: Loss) -> int:
    return int(loss.get("axis", 1))


# ---- labels ----------------------------------------------------------------------------------


def _cross_entropy(loss: Loss, outputs: Array, targets: Array) -> Sums:
    logits = np.moveaxis(outputs, _axis(loss), -1)
    return _labelled(loss, logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def _causal_lm(loss: Loss, outputs: Array, targets: Array) -> Sums:
    """The output of each token is compared with the token behind it."""
    logits, labels = outputs[:, :-1], targets[:, 1:]
    sums = _labelled(loss, logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
    return {"loss": sums["loss"]}


def _labelled(loss: Loss, logits: Array, labels: Array) -> Sums:
    ignored = loss.get("ignore_index")
    if ignored is not None:
        logits, labels = logits[labels != ignored], labels[labels != ignored]
    weights = np.asarray(loss.get("class_weights") or np.ones(logits.shape[-1]), np.float64)
    total, hits = 0.0, 0.0
    for rows, chosen in _chunks(logits, labels):
        total += _row_losses(rows.astype(np.float64), chosen, weights, loss).sum()
        hits += float((rows.argmax(axis=-1) == chosen).sum())
    return {"loss": (float(total), float(weights[labels].sum())), "accuracy": (hits, len(labels))}


def _chunks(logits: Array, labels: Array) -> Iterator[tuple[Array, Array]]:
    rows = max(1, _CHUNK // logits.shape[-1])
    for start in range(0, len(labels), rows):
        yield logits[start : start + rows], labels[start : start + rows].astype(np.int64)


def _row_losses(values: Array, labels: Array, weights: Array, loss: Loss) -> Array:
    """(1 - s) * w[label] * -logp[label] + s / classes * sum(w * -logp)"""
    share = float(loss.get("label_smoothing", 0.0))
    values -= values.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(values).sum(axis=-1, keepdims=True)) - values
    chosen = np.take_along_axis(surprise, labels[:, None], axis=-1)[:, 0] * weights[labels]
    return (1 - share) * chosen + share * (surprise @ weights) / len(weights)


# ---- real numbers ----------------------------------------------------------------------------


def _binary(loss: Loss, outputs: Array, targets: Array) -> Sums:
    x, y = outputs.astype(np.float64), targets.astype(np.float64)
    weights = np.asarray(loss.get("pos_weight") or [1.0], np.float64)
    softplus = np.maximum(-x, 0) + np.log1p(np.exp(-np.abs(x)))
    values = (1 - y) * x + (1 + (weights - 1) * y) * softplus
    hits = (x > 0) == (y > 0.5)
    return {
        "loss": (float(values.sum()), values.size),
        "accuracy": (float(hits.sum()), hits.size),
    }


def _elementwise(function: Callable[[Array], Array]) -> Callable[[Loss, Array, Array], Sums]:
    def sums(loss: Loss, outputs: Array, targets: Array) -> Sums:
        del loss
        values = function(outputs.astype(np.float64) - targets)
        return {"loss": (float(values.sum()), values.size)}

    return sums


_SCORES: dict[str, Callable[[Loss, Array, Array], Sums]] = {
    "cross-entropy": _cross_entropy,
    "causal-lm": _causal_lm,
    "binary-cross-entropy": _binary,
    "mse": _elementwise(np.square),
    "l1": _elementwise(np.abs),
}
