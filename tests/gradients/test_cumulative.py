"""Cumulative ops in the forms that JAX gives them; PyTorch's cumsum is in test_networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.interpreter import Interpreter
from tests.support.jax_steps import step_of

jax: Any = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

IN_JAX = {
    "sum": lambda x: lax.cumsum(x, 1),
    "sum_reversed": lambda x: lax.cumsum(x, 0, reverse=True),
    "product": lambda x: lax.cumprod(x, 1),
    "maximum": lambda x: lax.cummax(x, 1),
    "minimum": lambda x: lax.cummin(x, 1, reverse=True),
    "log_sum_exp": lambda x: lax.cumlogsumexp(x, 1),
    "associative_scan": lambda x: lax.associative_scan(lambda a, b: a * b + a, x, axis=1),
}


def test_forms_of_jax():
    random = np.random.default_rng(0)
    values = {name: random.normal(size=(3, 5)).astype(np.float32) for name in IN_JAX}
    weights = random.normal(size=(3, 5)).astype(np.float32)

    def loss(p: Any, weights: Any) -> Any:
        return sum((IN_JAX[name](p[name]) * weights).sum() for name in IN_JAX)

    expected = jax.jit(jax.grad(loss))(values, weights)
    outcome = Interpreter(step_of(loss, values, weights))(values, weights)
    for name, gradient in expected.items():
        ours = outcome.gradients[name]
        np.testing.assert_allclose(ours, gradient, rtol=1e-4, atol=1e-5, err_msg=name)
