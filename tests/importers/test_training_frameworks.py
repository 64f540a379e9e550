"""Twenty compiled steps of JAX and Keras models follow JAX and Keras, in full and sparse."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import pock_mlir as pock
from pock_mlir.importers.jax import name_of
from tests.importers import jax_models, keras_models, training

SCHEMES = {
    ("cnn", "full"): pock.Scheme.load("full"),
    ("cnn", "sparse"): pock.Scheme.from_toml(training.SLICES),
    ("transformer", "full"): pock.Scheme.load("full"),
    ("transformer", "sparse"): pock.Scheme.from_toml(training.TEXT_SLICES),
}


def cells(*sampled: tuple[str, str]) -> Any:
    """All models and schemes; those that are not sampled are run by `pytest -m acceptance`."""
    return pytest.mark.parametrize(
        ("kind", "scheme"),
        [
            pytest.param(*key, marks=[] if key in sampled else pytest.mark.acceptance)
            for key in SCHEMES
        ],
    )


@cells(("cnn", "sparse"))
def test_jax(kind: str, scheme: str) -> None:
    function = getattr(jax_models, kind)
    params = getattr(jax_models, f"{kind}_params")()
    paths, tree = jax.tree_util.tree_flatten_with_path(params)
    names = [name_of(path) for path, _ in paths]

    def call(values: dict[str, Any], x: Any) -> Any:
        return function(jax.tree.unflatten(tree, [values[name] for name in names]), x)

    compare(pock.JaxModel(function, params), call, kind, scheme)


@cells(("transformer", "sparse"))
def test_keras(kind: str, scheme: str) -> None:
    model = keras_models.randomise(getattr(keras_models, kind)())
    paths = [v.path for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def call(values: dict[str, Any], x: Any) -> Any:
        return model.stateless_call([values[path] for path in paths], others, x)[0]

    compare(model, call, kind, scheme)


def compare(model: Any, call: Any, kind: str, scheme: str) -> None:
    data, chosen = jax_models.batches(kind), SCHEMES[kind, scheme]
    expected = training.jax_losses(model, call, data, chosen)
    assert expected[-4:] != expected[:4]
    found = training.compiled_losses(model, data, chosen)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.acceptance
def test_dropout_of_keras_draws_the_same_masks() -> None:
    model = keras_models.randomise(keras_models.cnn(dropout=0.5))
    data = [jax_models.batches("cnn")[0]]
    (x, y), frozen = data[0], {"optimizer": pock.SGD(lr=0.0), "training": True}
    program = pock.compile(model, x, **frozen)
    state = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    trainer = training.trainer_of(program)
    for _ in range(4):
        logits, others = model.stateless_call(state, others, x, training=True)
        expected = float(jax_models.cross_entropy(logits, y))
        assert trainer.step(x, y) == pytest.approx(expected, rel=1e-5)
