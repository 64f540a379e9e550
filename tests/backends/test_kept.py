"""What the forward computes for the backward takes the place of what it is computed from."""

import torch
from torch import nn

import pock_mlir as pock
from pock_mlir.passes.gradients import ahead

TOKENS, WIDTH, LAYERS = 64, 128, 3
BYTES = 4 * TOKENS * WIDTH
"""Of what one layer makes."""


def perceptron() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU()) for _ in range(LAYERS)]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10))


def compiled() -> pock.Program:
    return pock.compile(perceptron(), torch.zeros(TOKENS, WIDTH), optimizer=pock.SGD(lr=0.1))


def test_a_layer_keeps_its_result_and_its_slope(monkeypatch) -> None:
    transient = compiled().manifest.predicted_bytes["transient"]
    # Besides, some layers' worth is alive within a layer, and what copies for products take.
    assert transient < (2 * LAYERS + 4) * BYTES
    monkeypatch.setattr(ahead, "KEPT", "test.forgotten")
    assert transient < compiled().manifest.predicted_bytes["transient"] - (LAYERS - 1) * BYTES


def test_losses_are_those_of_pytorch() -> None:
    model, trainer = perceptron(), pock.Trainer(compiled().artifact)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(TOKENS, WIDTH), torch.arange(TOKENS) % 10
    for _ in range(3):
        loss = nn.functional.cross_entropy(model(x), y)
        assert abs(trainer.step(x.numpy(), y.numpy().astype("int32")) / loss.item() - 1) < 1e-5
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
