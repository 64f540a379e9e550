"""What a scheme leaves of a real network's backward graph, and that its numbers are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from pock_mlir.ir import Module
from pock_mlir.passes.selection import resolve_scheme
from pock_mlir.rewriting import body, functions
from pock_mlir.zoo.mobilenet_v2 import InvertedResidual
from pock_mlir.zoo.residual_cnn import residual_cnn
from tests.passes.training import TrainingStep, training_step

SLICES = """
base = "head"
[[rule]]
match = "blocks.1.conv1.weight"
update = "slice"
axis = "in"
ratio = 0.5
[[rule]]
match = "blocks.1.conv2.weight"
update = "slice"
axis = "out"
indices = [1, 2, 5]
[[rule]]
match = "blocks.1.bn2.bias"
[[rule]]
match = "fc.weight"
update = "slice"
axis = "in"
count = 3
"""


class Separable(torch.nn.Module):
    """One inverted residual: point-wise, depthwise, point-wise convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.block = InvertedResidual(4, 4, stride=1, expand=2)
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.block(x).mean((2, 3)))


DEPTHWISE = """
[[rule]]
match = "block.conv.1.0.weight"
update = "slice"
axis = "out"
indices = [0, 1, 5, 6]
[[rule]]
match = "block.conv.0.0.weight"
update = "slice"
axis = "out"
count = 3
"""


@pytest.fixture(scope="module")
def residual() -> TrainingStep:
    torch.manual_seed(0)
    return training_step(residual_cnn(4, 2, 5), torch.randn(2, 3, 8, 8), 5)


@pytest.fixture(scope="module")
def separable() -> TrainingStep:
    torch.manual_seed(0)
    return training_step(Separable().eval(), torch.randn(2, 4, 5, 5), 3)


@pytest.fixture
def write(tmp_path: pytest.TempPathFactory) -> Callable[[str], str]:
    def to_file(text: str) -> str:
        path = tmp_path / "scheme.toml"  # pyright: ignore
        path.write_text(text)
        return str(path)

    return to_file


def op_counts(module: Module) -> Counter[str]:
    (step,) = [f for f in functions(module) if f.attributes["sym_name"].value == "train_step"]
    return Counter(op.operation.name for op in body(step).operations)


def assert_slices_of_full(step: TrainingStep, sparse: Module) -> None:
    full = step.run(step.module())
    outcome = step.run(sparse)
    assert outcome.loss == pytest.approx(full.loss, rel=1e-6)
    assert outcome.updates
    for update in outcome.updates:
        window = tuple(
            slice(start, start + size)
            for start, size in zip(update.offsets, update.value.shape, strict=True)
        )
        expected = full.gradients[update.parameter][window]
        np.testing.assert_allclose(update.value, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scheme", ["bias-only", SLICES], ids=["bias-only", "slices"])
def test_gradients_are_slices_of_the_full_ones(
    residual: TrainingStep, write: Callable[[str], str], scheme: str
) -> None:
    option = write(scheme) if "\n" in scheme else scheme
    sparse = residual.module(f"sparsify-backward{{scheme={option}}},narrow-gradients")
    assert_slices_of_full(residual, sparse)
    trained = resolve_scheme(sparse, option)
    updated = Counter(u.parameter for u in residual.run(sparse).updates)
    assert updated == {
        name: max(1, len(selection.runs)) for name, selection in trained.items() if selection.trains
    }


def test_depthwise_slices(separable: TrainingStep, write: Callable[[str], str]) -> None:
    option = write(DEPTHWISE)
    sparse = separable.module(f"sparsify-backward{{scheme={option}}},narrow-gradients")
    assert_slices_of_full(separable, sparse)
    assert op_counts(sparse)["pock.conv_kernel_gradient"] == 3


def test_frozen_layers_have_no_backward(
    residual: TrainingStep, write: Callable[[str], str]
) -> None:
    full = op_counts(residual.module())
    assert (full["pock.conv_kernel_gradient"], full["pock.conv_input_gradient"]) == (6, 5)
    head = op_counts(residual.module("sparsify-backward{scheme=head}"))
    assert not {name for name in head if name.startswith("pock.conv")}
    assert head["pock.max_pool_gradient"] == 0
    assert head["stablehlo.convolution"] == full["stablehlo.convolution"] == 6
    last = op_counts(residual.module(f"sparsify-backward{{scheme={write(SLICES)}}}"))
    assert (last["pock.conv_kernel_gradient"], last["pock.conv_input_gradient"]) == (2, 1)


def test_head_updates_the_head_only(residual: TrainingStep) -> None:
    outcome = residual.run(residual.module("sparsify-backward{scheme=head}"))
    assert set(outcome.gradients) == {"fc.weight", "fc.bias"}


def test_full_keeps_everything(residual: TrainingStep) -> None:
    assert op_counts(residual.module("sparsify-backward")) == op_counts(residual.module())
