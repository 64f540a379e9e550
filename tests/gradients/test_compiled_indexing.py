"""Gradients of indexing and ordering, compiled: one step of SGD is JAX's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.jax_steps import scheduled, step_of
from tests.support.stepping import compile_step

jax: Any = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

RATE = np.array(0.1, np.float32)
INDICES = np.array([[2, 0, 3], [1, 1, 0]], np.int32)
SAMPLE = "take_along_axis"
# Of p["a"], 2x4; p["b"], 3x2; and the indices, 2x3.
FUNCTIONS = {
    "take_along_axis": lambda p, i: jnp.take_along_axis(p["a"], i, 1),
    "columns": lambda p, i: p["a"][:, i[0]],
    "points": lambda p, i: p["a"][i[1], i[0]],
    "scatter_max": lambda p, i: p["a"].T.at[i[1]].max(p["b"]),
    "scatter_mul": lambda p, i: p["a"].T.at[i[0]].multiply(p["b"], unique_indices=True),
    "scatter_set": lambda p, i: p["a"].T.at[i[1]].set(p["b"]),
    "sort_by_key": lambda p, i: lax.sort((p["a"], jnp.sin(p["a"])), num_keys=1)[1],
    "top_k": lambda p, i: lax.top_k(p["a"], 2)[0],
    "cumulative_product": lambda p, i: lax.cumprod(p["a"], 1),
    "cumulative_maximum": lambda p, i: lax.cummax(p["a"], 1),
    "dynamic_slice": lambda p, i: lax.dynamic_slice(p["a"], (i[1, 0], i[0, 0]), (1, 2)),
    "dynamic_update": lambda p, i: lax.dynamic_update_slice(p["a"], p["b"][:1], (i[0, 1], 1)),
}


def _cases() -> list[Any]:
    rest = pytest.mark.acceptance
    return [pytest.param(n, marks=() if n == SAMPLE else rest) for n in FUNCTIONS]


@pytest.mark.parametrize("name", _cases())
def test_a_compiled_step(name: str):
    random = np.random.default_rng(0)
    shapes = {"a": (2, 4), "b": (3, 2)}
    values = {k: random.normal(size=shape).astype(np.float32) for k, shape in shapes.items()}

    def loss(p: Any, indices: Any) -> Any:
        return (FUNCTIONS[name](p, indices) ** 2).sum() + (p["b"] ** 2).sum()

    running = compile_step(scheduled(step_of(loss, values, INDICES))).start(values)
    running.call("train_step", INDICES, RATE)
    gradients = jax.jit(jax.grad(loss))(values, INDICES)
    for parameter, new in running.read().items():
        expected = values[parameter] - RATE * gradients[parameter]
        np.testing.assert_allclose(new, expected, rtol=1e-4, atol=1e-5, err_msg=parameter)
