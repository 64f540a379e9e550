"""A model that mixes tokens by a Fourier transform (FNet), from JAX: complex numbers inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pock_mlir as pock

jax: Any = pytest.importorskip("jax")

RATE = 0.1
RANDOM = np.random.default_rng(0)


def _weights(*shape: int) -> np.ndarray:
    return RANDOM.normal(scale=0.4, size=shape).astype(np.float32)


def _model(p: Any, tokens: Any) -> Any:
    x = p["embedding"][tokens]
    x = x + jax.numpy.fft.fft2(x).real
    x = x + jax.nn.gelu(x @ p["up"]) @ p["down"]
    return x.max(1) @ p["head"]


def test_losses_are_those_of_jax():
    shapes = {"embedding": (10, 12), "up": (12, 16), "down": (16, 12), "head": (12, 3)}
    params = {name: _weights(*shape) for name, shape in shapes.items()}
    tokens = RANDOM.integers(0, 10, (4, 8)).astype(np.int32)
    labels = RANDOM.integers(0, 3, 4).astype(np.int32)
    model = pock.JaxModel(_model, params)
    trainer = pock.Trainer(pock.compile(model, (tokens,), optimizer=pock.SGD(lr=RATE)).artifact)

    def loss(weights: Any) -> Any:
        logarithms = jax.nn.log_softmax(_model(weights, tokens))
        return -logarithms[np.arange(4), labels].mean()

    gradients = jax.jit(jax.value_and_grad(loss))
    for _ in range(3):
        value, gradient = gradients(params)
        params = {name: params[name] - RATE * gradient[name] for name in params}
        assert trainer.step(tokens, labels) == pytest.approx(float(value), rel=1e-4)
