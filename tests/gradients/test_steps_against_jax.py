"""Whole steps with branches, loops, gathers, scatters and sorts: their losses over several steps
are JAX's, in the interpreter and compiled, with loops unrolled and with loops recorded."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from pock_mlir.backends.iree.compiler import allocations
from pock_mlir.report.memory import predict_memory
from tests.support.interpreter import Interpreter
from tests.support.jax_steps import scheduled, step_of
from tests.support.stepping import compile_step

jax: Any = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

RATE, STEPS = np.array(0.05, np.float32), 3
TOKENS = np.array([[1, 4, 1], [0, 2, 4]], np.int32)


def _recurrent(p: Any, tokens: Any) -> Any:
    """An embedding, a recurrent layer over the tokens, and the last state's square."""
    x = p["table"][tokens]

    def cell(state: Any, token: Any) -> Any:
        state = jnp.tanh(state @ p["within"] + token @ p["into"] + p["bias"])
        return state, state.sum()

    state, sums = lax.scan(cell, jnp.zeros((2, 4)), x.swapaxes(0, 1))
    return (state**2).sum() + sums.mean()


def _branches(p: Any, tokens: Any) -> Any:
    """Layers that are stacked, branches by the data and by an index, rows that are overwritten."""
    x = p["table"][tokens[0]] @ p["within"]
    x, _ = lax.scan(lambda x, layer: (jnp.tanh(x @ layer), None), x, p["layers"])
    x = lax.cond(x.sum() > 0, lambda: jnp.sin(x) + p["bias"], lambda: x * p["bias"])
    x = lax.switch(tokens[1, 1], [lambda: x, lambda: -x, lambda: jnp.exp(x @ p["into"])])
    x = x.at[tokens[1, 0]].set(p["bias"] ** 2).at[1].add(x[2])
    return (x * x).mean()


def _ordered(p: Any, tokens: Any) -> Any:
    """The greatest, a sort, a cumulative sum, and a loop with a bound that is not its length."""
    best, _ = lax.top_k(p["table"], 2)
    x = jnp.cumsum(jnp.sort(p["within"], 1), 1) @ p["into"]
    x = lax.fori_loop(2, 5, lambda i, y: jnp.tanh(y * p["bias"] / i), x)
    return (x**2).sum() + (best * best).sum()


MODELS = {"recurrent": _recurrent, "branches": _branches, "ordered": _ordered}


def _parameters(name: str) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    shapes = {"table": (5, 4), "within": (4, 4), "into": (4, 4), "bias": (4,)}
    if name == "branches":
        shapes["layers"] = (3, 4, 4)
    return {key: random.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}


@cache
def _gradient(name: str) -> Any:
    return jax.jit(jax.value_and_grad(MODELS[name]))


@cache
def _expected(name: str) -> tuple[list[float], dict[str, np.ndarray]]:
    values, losses = _parameters(name), []
    for _ in range(STEPS):
        loss, gradients = _gradient(name)(values, TOKENS)
        losses.append(float(loss))
        values = {k: v - RATE * gradients[k] for k, v in values.items()}
    return losses, {k: np.asarray(v) for k, v in values.items()}


@cache
def _module(name: str, unroll: bool) -> str:
    """The step with its optimizer, scheduled, as text."""
    module = step_of(MODELS[name], _parameters(name), TOKENS, unroll=unroll)
    assert ("stablehlo.while" in str(module)) == (not unroll and name != "branches")
    return scheduled(module)


CASES = [
    pytest.param("recurrent", True, marks=pytest.mark.acceptance),
    ("recurrent", False),
    ("branches", True),
    ("ordered", False),
]


@pytest.mark.parametrize(("name", "unroll"), CASES)
def test_compiled_steps(name: str, unroll: bool):
    losses, final = _expected(name)
    step = compile_step(_module(name, unroll))
    if not unroll:  # loops allocate piece by piece, and not all pieces are alive at once
        predicted = predict_memory(step.compiled, "train_step")
        allocated = allocations(step.compiled, "train_step")
        assert allocated.transient / 2 < predicted.transient <= allocated.transient
    running = step.start(_parameters(name))
    for loss in losses:
        (ours,) = running.call("train_step", TOKENS, RATE)
        assert float(ours) == pytest.approx(loss, rel=1e-4)
    for parameter, value in running.read().items():
        np.testing.assert_allclose(value, final[parameter], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("name", "unroll"), [*CASES, ("ordered", True)])
def test_interpreted_gradients(name: str, unroll: bool):
    values = _parameters(name)
    loss, expected = _gradient(name)(values, TOKENS)
    outcome = Interpreter(step_of(MODELS[name], values, TOKENS, unroll=unroll))(values, TOKENS)
    assert outcome.loss == pytest.approx(float(loss), rel=1e-5)
    assert set(outcome.gradients) == set(values)
    for parameter, gradient in outcome.gradients.items():
        np.testing.assert_allclose(gradient, expected[parameter], rtol=1e-4, atol=1e-5)
