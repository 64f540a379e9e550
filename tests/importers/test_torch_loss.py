"""Losses that the user writes in PyTorch: the same losses as PyTorch's, step by step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir.importers import ModelImportError
from pock_mlir.importers.torch import import_torch
from pock_mlir.rewriting import functions, parameters

STEPS, RATE = 5, 0.1


class TwoHeads(nn.Module):
    """A body with batch-norm and two outputs, one of them of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.kinds, self.depth = nn.Linear(4, 3), nn.Conv2d(4, 1, 1)

    def forward(self, image: Tensor, scale: Tensor) -> dict[str, Tensor]:
        x = self.body(image) * scale
        return {"kinds": self.kinds(x.mean((2, 3))), "depth": self.depth(x)}


def both(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    depth = F.smooth_l1_loss(outputs["depth"], targets["depth"])
    return F.cross_entropy(outputs["kinds"], targets["kind"].long()) + 0.5 * depth


class Temperature(nn.Module):
    """A loss that has a parameter itself."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(1.5))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs / self.temperature, targets.long())


def make() -> tuple[nn.Module, tuple[Tensor, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    targets = {"kind": torch.tensor([0, 2], dtype=torch.int32), "depth": torch.randn(2, 1, 5, 5)}
    return TwoHeads(), (torch.randn(2, 2, 5, 5), torch.rand(2, 1, 1, 1)), targets


def reference(
    model: nn.Module, loss: Callable[..., Tensor], inputs: tuple[Tensor, ...], targets: Any
) -> list[float]:
    model, loss = copy.deepcopy(model), copy.deepcopy(loss)
    modules = [model, *([loss] if isinstance(loss, nn.Module) else [])]
    optimizer = torch.optim.SGD([p for module in modules for p in module.parameters()], lr=RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss(model(*inputs), targets)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


@pytest.mark.parametrize("training", [False, True])
def test_several_outputs_and_targets(training: bool) -> None:
    model, inputs, targets = make()
    model.train(training)
    program = pock.compile(
        model,
        inputs,
        loss=both,
        example_targets=targets,
        optimizer=pock.SGD(lr=RATE),
        training=training,
    )
    assert program.manifest.loss == {"kind": "custom"}
    trainer = pock.Trainer(program.artifact, device="local-sync")
    assert [spec.name for spec in trainer.inputs[2:]] == ["targets.kind", "targets.depth"]
    batch = [x.numpy() for x in (*inputs, *targets.values())]
    expected = reference(model, both, inputs, targets)
    assert [trainer.step(*batch) for _ in range(STEPS)] == pytest.approx(expected, rel=1e-5)
    trained = copy.deepcopy(model).eval()
    trained.load_state_dict({k: torch.tensor(v) for k, v in trainer.state_dict().items()})
    with torch.no_grad():
        outputs = trained(*inputs)
    kinds, depth = trainer.predict(*batch[:2])
    np.testing.assert_allclose(kinds, outputs["kinds"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(depth, outputs["depth"], rtol=1e-4, atol=1e-5)
    rows = [np.concatenate([array, array[:1]]) for array in batch]  # one row more than a batch
    mean = pytest.approx(both(outputs, targets).item(), rel=1e-4)
    assert trainer.evaluate([rows]) == {"loss": mean}
    with pytest.raises(ValueError, match="the data does not fill a batch of 2"):
        trainer.evaluate([[array[:1] for array in batch]])


def test_a_loss_with_a_parameter() -> None:
    torch.manual_seed(0)
    model, loss, x = nn.Linear(4, 3), Temperature(), torch.randn(5, 4)
    targets = torch.randint(0, 3, (5,), dtype=torch.int32)
    program = pock.compile(
        model, x, loss=loss, example_targets=targets, optimizer=pock.SGD(lr=RATE)
    )
    trainer = pock.Trainer(program.artifact, device="local-sync")
    losses = [trainer.step(x.numpy(), targets.numpy()) for _ in range(STEPS)]
    assert losses == pytest.approx(reference(model, loss, (x,), targets), rel=1e-5)
    assert set(trainer.state_dict()) == {"weight", "bias", "loss.temperature"}
    assert trainer.state_dict()["loss.temperature"] != 1.5


def test_the_model_module_has_the_loss() -> None:
    model, inputs, targets = make()
    named = {"scale": inputs[1], "image": inputs[0]}
    imported = import_torch(model, named, training=True, loss=both, example_targets=targets)
    assert [f.sym_name.value for f in functions(imported.module)] == ["loss", "predict", "evaluate"]
    loss, predict = functions(imported.module)[:2]
    shapes = [[str(t) for t in f.attributes["function_type"].value.inputs] for f in (loss, predict)]
    assert shapes[0][:2] == shapes[1]
    assert imported.targets == ["targets.kind", "targets.depth"]
    assert set(parameters(imported.module)) == set(model.state_dict())


def test_what_is_wrong_with_a_loss() -> None:
    model, x = nn.Linear(4, 3), torch.zeros(2, 4)
    options: dict[str, Any] = {"optimizer": pock.SGD(lr=RATE)}
    with pytest.raises(ValueError, match="a loss that is a function needs example_targets"):
        pock.compile(model, x, loss=both, **options)
    with pytest.raises(ValueError, match="example_targets are for a loss that is a function"):
        pock.compile(model, x, loss="mse", example_targets=x, **options)
    with pytest.raises(ValueError, match="unknown loss 'hinge'; there is cross-entropy, causal-lm"):
        pock.compile(model, x, loss="hinge", **options)
    with pytest.raises(ModelImportError, match="example_targets must be an array"):
        import_torch(model, x, loss=both, example_targets="labels")
    with pytest.raises(Exception, match="must be one scalar of floats, got tensor<2x3xf32>"):
        pock.compile(model, x, loss=lambda y, t: y + t, example_targets=torch.zeros(1), **options)
