"""A randomised audit: all gradients of random graphs against JAX's, in f64.

`--graphs 200 --graph-seed 1000` draws so many more, from that seed on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tests.gradients.random_structures  # noqa: F401  # registers what it draws
from pock_mlir.dialects import make_context
from pock_mlir.ir import Module
from pock_mlir.passes.differentiate import Differentiate
from tests.gradients.random_graph import Graph
from tests.gradients.random_ops import DRAWS, random_graph
from tests.support.interpreter import Interpreter

jax: Any = pytest.importorskip("jax")
jax.config.update("jax_disable_most_optimizations", True)  # compiling takes most of the time

SIZE = 12


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        options = metafunc.config.option
        seeds = range(options.graph_seed, options.graph_seed + options.graphs)
        metafunc.parametrize("seed", seeds)


def _in_jax(graph: Graph, values: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    def loss(weights: dict[str, Any]) -> Any:
        fixed = {name: jax.numpy.asarray(value) for name, value in values.items()}
        return graph.loss(jax.numpy, jax.lax, {**fixed, **weights})

    with jax.enable_x64(True):
        weights = {name: values[name] for name in graph.weights}
        value, gradients = jax.jit(jax.value_and_grad(loss))(weights)
        return float(value), {name: np.asarray(each) for name, each in gradients.items()}


def _check(graph: Graph) -> None:
    module = Module.parse(graph.text(), make_context())
    values = graph.values()
    Differentiate().run(module)
    outcome = Interpreter(module)(values)
    loss, expected = _in_jax(graph, values)
    assert np.isfinite(loss)
    np.testing.assert_allclose(outcome.loss, loss, rtol=1e-9, atol=1e-9, err_msg="loss")
    for name, gradient in expected.items():
        ours = outcome.gradients.get(name, np.zeros_like(gradient))
        scale = 1 + np.abs(gradient).max()
        np.testing.assert_allclose(ours / scale, gradient / scale, atol=1e-9, err_msg=name)


def test_random_graph(seed: int):
    graph = random_graph(seed, SIZE)
    try:
        _check(graph)
    except Exception as error:
        ops = ", ".join(f"%v{i} = {op.name}{op.inputs}" for i, op in graph.ops.items())
        pytest.fail(
            f"{type(error).__name__}: {error}\nreproduce with --graphs 1 --graph-seed {seed}\n"
            f"{ops}\n{graph.text()}",
            pytrace=False,
        )


def test_graphs_of_a_few_seeds_have_every_kind_of_op():
    drawn = {
        op.name.split()[0] for seed in range(60) for op in random_graph(seed, SIZE).ops.values()
    }
    assert len(drawn) > len(DRAWS)
