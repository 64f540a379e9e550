"""fold-batch-norm and fold-frozen: the same numbers from fewer ops, whatever is frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pock_mlir import zoo
from pock_mlir.dialects.stablehlo import shape_of
from pock_mlir.importers import ImportedModel
from pock_mlir.importers.torch import import_torch
from pock_mlir.ir import Module
from pock_mlir.passes.convolutions_to_nhwc import ConvolutionsToNhwc
from pock_mlir.passes.fold_batch_norm import FoldBatchNorm
from pock_mlir.passes.fold_frozen import FoldFrozen
from pock_mlir.passes.frozen import frozen_parameters, symbol_of
from pock_mlir.rewriting import body, functions, named_ops, parameters
from pock_mlir.zoo.layers import calibrate_batch_norm
from tests.importers.running import randomise, run


def fold(imported: ImportedModel, scheme: str) -> None:
    FoldBatchNorm(scheme).run(imported.module)
    FoldFrozen(scheme).run(imported.module)
    assert imported.module.operation.verify()


def forward_ops(imported: ImportedModel, *names: str) -> int:
    """How many ops of these names @forward has that are not about one value per channel."""
    (forward,) = (f for f in functions(imported.module) if f.sym_name.value == "forward")
    named = [op.operation for op in body(forward).operations if op.operation.name in names]
    return sum(len(shape_of(op.result)) > 1 for op in named)


def residual_cnn() -> nn.Module:
    return randomise(zoo.create("residual_cnn", width=4, blocks=2))


@dataclass(frozen=True)
class Network:
    """A network imported once."""

    model: nn.Module
    x: torch.Tensor
    imported: ImportedModel

    def copy(self) -> ImportedModel:
        text = self.imported.module.operation.get_asm(enable_debug_info=True)
        return replace(self.imported, module=Module.parse(text, self.imported.context))

    def check(self, imported: ImportedModel) -> None:
        """The copy, after some passes, still computes what PyTorch does."""
        expected = self.model(self.x).detach()
        result = run(imported, self.x).results[0]
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def network() -> Network:
    model, x = residual_cnn(), torch.randn(1, 3, 6, 6)
    return Network(model, x, import_torch(model, x))


@pytest.fixture
def schemes(tmp_path: Path) -> dict[str, str]:
    """Schemes by what they train."""

    def write(name: str, *patterns: str) -> str:
        rules = [f'[[rule]]\nmatch = "{pattern}"\nupdate = "all"\n' for pattern in patterns]
        path = tmp_path / f"{name}.toml"
        path.write_text("".join(rules))
        return str(path)

    return {
        "everything": "",
        "head": write("head", "fc.*"),
        "biases": write("biases", "*.bias"),
        "scales": write("scales", "*bn*.weight"),
        "weights": write("weights", "*conv*.weight"),
        "one block": write("one", "blocks.1.*"),
    }


# The ops of full size that batch-norm leaves: without folding 4 for each of the 6.
LEFT = {"everything": 12, "head": 6, "biases": 6, "scales": 11, "weights": 10, "one block": 9}


@pytest.mark.parametrize("trained", LEFT)
@pytest.mark.parametrize("channels_last", [False, True])
def test_schemes(
    trained: str, channels_last: bool, schemes: dict[str, str], network: Network
) -> None:
    imported = network.copy()
    if channels_last:
        ConvolutionsToNhwc().run(imported.module)
    fold(imported, schemes[trained])
    network.check(imported)
    skips, head = 2, 1
    left = forward_ops(imported, "stablehlo.multiply", "stablehlo.add", "stablehlo.subtract")
    assert left - skips - head == LEFT[trained]


def test_nothing_frozen_is_computed_in_the_step(schemes: dict[str, str], network: Network) -> None:
    imported = network.copy()
    fold(imported, schemes["head"])
    frozen = frozen_parameters(imported.module, schemes["head"])
    for read in named_ops(imported.module, "pock.read"):
        if read.operation.parent.attributes["sym_name"].value == "fold":
            continue
        name = symbol_of(read)
        assert name not in frozen or name.startswith("folded."), name


def test_single_place_images() -> None:
    """A broadcast that repeats nothing is a reshape; it is per channel all the same."""
    model = randomise(nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.ReLU())).eval()
    x = torch.randn(1, 3, 2, 2)
    imported = import_torch(model, x)
    fold(imported, "")
    np.testing.assert_allclose(run(imported, x).results[0], model(x).detach(), rtol=1e-4)
    assert forward_ops(imported, "stablehlo.subtract") == 0


def test_training_mode_keeps_batch_statistics() -> None:
    model, x = residual_cnn(), torch.randn(2, 3, 6, 6)
    imported = import_torch(model, x, training=True)
    before, predicted = run(imported, x), run(imported, x, function="predict")
    fold(imported, "")
    after = run(imported, x)
    np.testing.assert_allclose(after.results[0], before.results[0], rtol=1e-4, atol=1e-5)
    assert set(after.assignments) == set(before.assignments)
    result = run(imported, x, function="predict").results[0]
    np.testing.assert_allclose(result, predicted.results[0], rtol=1e-4, atol=1e-5)
    kinds = {op.kind.value for op in parameters(imported.module).values()}
    assert "folded" not in kinds, "the statistics change, and everything is trained"


def test_linear_and_batch_norm(schemes: dict[str, str]) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    model, x = randomise(model).eval(), torch.randn(3, 5)
    imported = import_torch(model, x)
    fold(imported, schemes["biases"])
    np.testing.assert_allclose(run(imported, x).results[0], model(x).detach(), rtol=1e-4)
    assert forward_ops(imported, "stablehlo.multiply") == 0


def test_a_partly_trained_weight_is_not_frozen(tmp_path: Path, network: Network) -> None:
    path = tmp_path / "slice.toml"
    rule = '[[rule]]\nmatch = "stem.weight"\nupdate = "slice"\naxis = "out"\ncount = 2\n'
    path.write_text(rule)
    imported = network.copy()
    assert "stem.weight" not in frozen_parameters(imported.module, str(path))
    fold(imported, str(path))
    assert "stem.weight" in {symbol_of(op) for op in named_ops(imported.module, "pock.read")}


def test_mobilenet_through_all_model_passes() -> None:
    model = zoo.create("mobilenet_v2", num_classes=5, width_mult=0.35)
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    calibrate_batch_norm(model, torch.randn(8, 3, 32, 32))
    imported = import_torch(model, x)
    ConvolutionsToNhwc().run(imported.module)
    fold(imported, "last-2")
    Network(model, x, imported).check(imported)
