"""Each loss and its gradient, in several settings, against PyTorch's function, in f64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import pock_mlir as pock
from pock_mlir.dialects import make_context
from pock_mlir.ir import Module
from pock_mlir.losses import Loss, pass_options
from pock_mlir.passes.add_loss import AddLoss
from pock_mlir.passes.differentiate import Differentiate
from tests.support.interpreter import Interpreter

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Row:
    """A loss of an output of a shape; `reference(output, targets)` is PyTorch's."""

    loss: Loss
    output: tuple[int, ...]
    reference: Callable[[Tensor, Tensor], Tensor]
    targets: np.ndarray = field(repr=False)
    scale: float = 1.0


def labels(*shape: int, classes: int, ignored: int | None = None) -> np.ndarray:
    values = RNG.integers(0, classes, shape).astype(np.int32)
    if ignored is not None:
        values.flat[1] = values.flat[-1] = ignored
    return values


def cross_entropy(output: tuple[int, ...], scale: float = 1.0, **options: Any) -> Row:
    """The same settings for both."""
    shape, ignored = [output[0], *output[2:]], options.get("ignore_index")
    weight = options.get("class_weights")

    def reference(x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(
            x,
            y.long(),
            weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
            ignore_index=-100 if ignored is None else ignored,
            label_smoothing=options.get("label_smoothing", 0.0),
        )

    targets = labels(*shape, classes=output[1], ignored=ignored)
    return Row(pock.CrossEntropy(**options), output, reference, targets, scale)


def next_token(x: Tensor, tokens: Tensor) -> Tensor:
    return F.cross_entropy(x[:, :-1].flatten(0, 1), tokens[:, 1:].flatten().long())


def binary(pos_weight: Any = None) -> Row:
    weight = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float64)

    def reference(x: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, y, pos_weight=weight)

    targets = RNG.uniform(size=(4, 3)).round(1)
    return Row(pock.BinaryCrossEntropy(pos_weight), (4, 3), reference, targets, 5.0)


WEIGHTS = [0.5, 2.0, 0.0, 1.25]
ROWS = {
    "cross-entropy": cross_entropy((5, 4)),
    "large logits": cross_entropy((5, 4), scale=2000.0),
    "ignored": cross_entropy((5, 4), ignore_index=-100),
    "ignored class": cross_entropy((6, 4), ignore_index=2),
    "weights": cross_entropy((5, 4), class_weights=WEIGHTS),
    "smoothing": cross_entropy((5, 4), label_smoothing=0.2),
    "all smoothed": cross_entropy((5, 4), label_smoothing=1.0),
    "weights, smoothing": cross_entropy((5, 4), class_weights=WEIGHTS, label_smoothing=0.3),
    "weights, ignored": cross_entropy((5, 4), class_weights=WEIGHTS, ignore_index=3),
    "everything": cross_entropy((6, 4), class_weights=WEIGHTS, label_smoothing=0.1, ignore_index=1),
    "pictures": cross_entropy((2, 4, 3, 5)),
    "pictures, everything": cross_entropy(
        (2, 4, 3, 5), class_weights=WEIGHTS, label_smoothing=0.1, ignore_index=-1
    ),
    "tokens": Row(
        pock.CrossEntropy(axis=-1, ignore_index=-1),
        (2, 5, 4),
        lambda x, y: F.cross_entropy(x.transpose(1, 2), y.long(), ignore_index=-1),
        labels(2, 5, classes=4, ignored=-1),
    ),
    "causal-lm": Row(pock.CausalLM(), (3, 6, 5), next_token, labels(3, 6, classes=5)),
    "causal-lm, padded": Row(
        pock.CausalLM(), (3, 6, 5), next_token, labels(3, 6, classes=5, ignored=-100)
    ),
    "binary": binary(),
    "binary, one weight": binary(3.0),
    "binary, weights": binary([0.5, 4.0, 1.0]),
    "mse": Row(pock.MSE(), (2, 3, 4), F.mse_loss, RNG.normal(size=(2, 3, 4))),
    "l1": Row(pock.L1(), (2, 3, 4), F.l1_loss, RNG.normal(size=(2, 3, 4))),
}


def evaluate(row: Row, output: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss, and its gradient by the output, which is the only parameter."""
    type_ = f"tensor<{'x'.join(map(str, row.output))}xf64>"
    text = f"""
    "pock.parameter"() {{sym_name = "w", kind = "weight", type = {type_}}} : () -> ()
    func.func @forward(%x: tensor<1xf32>) -> {type_} {{
      %w = "pock.read"() {{parameter = @w}} : () -> {type_}
      return %w : {type_}
    }}"""
    module = Module.parse(text, make_context())
    options: dict[str, Any] = pass_options(row.loss.to_dict())
    AddLoss(**options).run(module)
    Differentiate().run(module)
    outcome = Interpreter(module)({"w": output}, np.zeros(1), row.targets, np.float32(0))
    return outcome.loss, outcome.gradients["w"]


@pytest.mark.parametrize("name", ROWS)
def test_loss_and_gradient_are_pytorchs(name: str) -> None:
    row = ROWS[name]
    output = RNG.normal(size=row.output) * row.scale
    x = torch.tensor(output, requires_grad=True)
    expected = row.reference(x, torch.tensor(row.targets))
    expected.backward()
    loss, gradient = evaluate(row, output)
    assert x.grad is not None
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_the_gradient_of_binary_cross_entropy_at_zero() -> None:
    """Where a last layer begins at zero, every logit is 0: there PyTorch's gradient is y's."""
    row = binary(3.0)
    x = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    row.reference(x, torch.tensor(row.targets)).backward()
    assert x.grad is not None
    gradient = evaluate(row, np.zeros((4, 3)))[1]
    np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-12)


def test_without_a_target_the_loss_is_not_a_number_and_the_gradient_zero() -> None:
    row = cross_entropy((3, 4), ignore_index=-1)
    row.targets[:] = -1
    loss, gradient = evaluate(row, RNG.normal(size=(3, 4)))
    assert np.isnan(loss)
    assert not gradient.any()


def test_losses_check_their_options() -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\], got 2"):
        pock.CrossEntropy(label_smoothing=2)
    with pytest.raises(ValueError, match="class_weights must be finite and not negative"):
        pock.CrossEntropy(class_weights=[1.0, -1.0])
    with pytest.raises(ValueError, match="pos_weight must be finite and not negative"):
        pock.BinaryCrossEntropy(pos_weight=float("nan"))
    assert pass_options(pock.CrossEntropy(class_weights=[1e20, 1]).to_dict()) == {
        "kind": "cross-entropy",
        "class_weights": "1e20+1.0",
    }
