"""Pruning loops and branches changes no value that is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pock_mlir.passes.sparsify_backward import SparsifyBackward
from tests.support.interpreter import Interpreter
from tests.support.jax_steps import step_of

jax: Any = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

SCHEME = '[[rule]]\nmatch = "bias"\n'


def _loss(p: Any, x: Any) -> Any:
    def cell(state: Any, row: Any) -> Any:
        state = jnp.tanh(state @ p["within"] + row @ p["into"] + p["bias"])
        return state, state[0]

    state, firsts = lax.scan(cell, jnp.zeros(3), x)
    state = lax.cond(state[0] > 0, lambda: state * p["bias"], lambda: state @ p["within"])
    return (state**2).sum() + firsts.sum()


def test_gradients_of_a_sparse_recurrent_step_are_those_of_the_full_one():
    random = np.random.default_rng(0)
    shapes = {"within": (3, 3), "into": (2, 3), "bias": (3,)}
    values = {k: random.normal(size=shape).astype(np.float32) for k, shape in shapes.items()}
    x = random.normal(size=(5, 2)).astype(np.float32)
    module = step_of(_loss, values, x, unroll=False)
    full = Interpreter(module)(values, x)
    before = str(module).count("stablehlo.dot_general")
    SparsifyBackward(scheme=SCHEME).run(module)
    sparse = Interpreter(module)(values, x)
    assert set(sparse.gradients) == {"bias"}
    np.testing.assert_array_equal(sparse.gradients["bias"], full.gradients["bias"])
    assert sparse.loss == full.loss
    # Neither the loop nor the branch contracts to the gradient of a matrix that is frozen.
    assert str(module).count("stablehlo.dot_general") <= before - 2
