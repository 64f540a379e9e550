"""Scores on the host against PyTorch, and what is refused before it reaches the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pock_mlir.runtime import losses
from pock_mlir.runtime.manifest import TensorSpec

RNG = np.random.default_rng(0)
Y = TensorSpec("targets", (2, 3), "int32")


def figures(loss: dict[str, Any], *batches: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    total: losses.Sums = {}
    for outputs, targets in batches:
        total = losses.add(total, losses.score(loss, outputs, targets))
    return losses.means(total, loss)


def test_cross_entropy_over_two_batches_is_that_of_both() -> None:
    weights, options = [0.5, 2.0, 1.0, 0.25], {"ignore_index": -1, "label_smoothing": 0.1}
    loss = {"kind": "cross-entropy", "class_weights": weights, **options}
    x = RNG.normal(size=(6, 4, 5)).astype(np.float32)
    y = RNG.integers(-1, 4, (6, 5))
    expected = F.cross_entropy(
        torch.tensor(x), torch.tensor(y), weight=torch.tensor(weights), **options
    )
    found = figures(loss, (x[:2], y[:2]), (x[2:], y[2:]))
    assert found["loss"] == pytest.approx(expected.item(), rel=1e-6)
    assert found["accuracy"] == (x.argmax(1) == y)[y >= 0].mean()


def test_perplexity_of_a_language_model() -> None:
    loss = {"kind": "causal-lm", "ignore_index": -100}
    x, y = RNG.normal(size=(2, 5, 7)), RNG.integers(0, 7, (2, 5))
    y[1, 3:] = -100
    rows = torch.tensor(x[:, :-1]).flatten(0, 1)
    expected = F.cross_entropy(rows, torch.tensor(y[:, 1:]).flatten()).item()
    found = figures(loss, (x, y))
    assert found["loss"] == pytest.approx(expected)
    assert found["perplexity"] == pytest.approx(np.exp(expected))
    assert set(found) == {"loss", "perplexity"}


def test_real_valued_targets() -> None:
    x, y = RNG.normal(size=(4, 3)), RNG.uniform(size=(4, 3))
    tensors = torch.tensor(x), torch.tensor(y)
    assert figures({"kind": "mse"}, (x, y))["loss"] == pytest.approx(F.mse_loss(*tensors).item())
    assert figures({"kind": "l1"}, (x, y))["loss"] == pytest.approx(F.l1_loss(*tensors).item())
    binary = figures({"kind": "binary-cross-entropy", "pos_weight": [3.0]}, (x, y))
    expected = F.binary_cross_entropy_with_logits(*tensors, pos_weight=torch.tensor(3.0))
    assert binary["loss"] == pytest.approx(expected.item())
    assert binary["accuracy"] == ((x > 0) == (y > 0.5)).mean()


def test_targets_out_of_range() -> None:
    tokens = np.array([[0, 4, -100], [1, 2, 5]])
    loss = {"kind": "causal-lm", "ignore_index": -100}
    with pytest.raises(ValueError, match="'targets': label 5 is outside the classes 0 to 4"):
        losses.check_targets(loss, Y, tokens, (2, 3, 5))
    losses.check_targets(loss, Y, tokens, (2, 3, 6))
    with pytest.raises(ValueError, match="label -100 is outside the classes 0 to 9"):
        losses.check_targets({"kind": "cross-entropy"}, Y, tokens, (2, 10, 3))
    with pytest.raises(ValueError, match=r"target 1\.5 is not between 0 and 1"):
        kind = {"kind": "binary-cross-entropy"}
        losses.check_targets(kind, Y, np.array([[0.5, 1.5]]), (1, 2))


def test_a_batch_without_a_target() -> None:
    tokens = np.array([[3, -100, -100]])
    with pytest.raises(ValueError, match="'targets': every target is -100, the one to ignore"):
        losses.require_a_target({"kind": "causal-lm", "ignore_index": -100}, Y, tokens)
    losses.require_a_target({"kind": "cross-entropy", "ignore_index": -100}, Y, tokens)
    with pytest.raises(ValueError, match="the data is empty"):
        figures({"kind": "cross-entropy", "ignore_index": -1}, (np.ones((1, 2)), np.array([-1])))
