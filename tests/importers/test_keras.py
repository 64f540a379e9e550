"""The Keras front end, on the JAX backend: paths, modes, and the same numbers as Keras."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import pytest
from keras import layers

from pock_mlir.importers import ImportedModel, ModelImportError, import_model
from pock_mlir.rewriting import parameters
from pock_mlir.schemes import Scheme
from tests.importers.keras_models import cnn, randomise, transformer
from tests.support.interpreter import Interpreter, Outcome

IMAGES = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("f")
TOKENS = np.array([[1, 2, 3, 4], [4, 3, 2, 1]], "i4")


def run(imported: ImportedModel, *inputs: np.ndarray, function: str = "forward") -> Outcome:
    return Interpreter(imported.module, function)(imported.values, *inputs)


def by_keras(model: Any, x: np.ndarray, training: bool = False) -> tuple[Any, list[Any]]:
    """The outputs, and the values of the other variables after the call."""
    state = [[v.value for v in model.trainable_variables]]
    state.append([v.value for v in model.non_trainable_variables])
    return jax.jit(lambda a, b, x: model.stateless_call(a, b, x, training=training))(*state, x)


def shapes(imported: ImportedModel) -> dict[str, list[int]]:
    weights = parameters(imported.module).items()
    return {name: op.framework_shape for name, op in weights if op.kind.value == "weight"}


def test_a_cnn() -> None:
    model = randomise(cnn())
    imported = import_model(model, IMAGES)
    np.testing.assert_allclose(
        run(imported, IMAGES).results[0], by_keras(model, IMAGES)[0], rtol=1e-4, atol=1e-5
    )
    assert set(imported.values) == {v.path for v in model.variables}
    kinds = {name: op.kind.value for name, op in parameters(imported.module).items()}
    assert {n for n, kind in kinds.items() if kind == "buffer"} == {
        v.path for v in model.non_trainable_variables
    }
    axes = {name: op.axes for name, op in parameters(imported.module).items()}
    assert axes["cnn/stem/kernel"] == (3, 2)
    assert axes["cnn/depthwise/kernel"] == (2, 3), "[height, width, in, multiplier]"
    assert axes["cnn/head/kernel"] == (1, 0)


def test_a_transformer_and_the_built_in_schemes() -> None:
    model = randomise(transformer(blocks=2))
    imported = import_model(model, TOKENS)
    np.testing.assert_allclose(
        run(imported, TOKENS).results[0], by_keras(model, TOKENS)[0], rtol=1e-4, atol=1e-5
    )
    names = shapes(imported)
    head = {"head/kernel", "head/bias"}
    trained = Scheme.load("head").resolve(names)
    assert {name for name, selection in trained.items() if selection.trains} == head
    trained = Scheme.load("bias-only").resolve(names)
    biases = {name for name in names if name.endswith(("bias", "beta"))}
    assert "block_0_attention/query/bias" in biases
    assert {name for name, s in trained.items() if s.trains} == head | biases
    trained = Scheme.load("last-1").resolve(names)
    first = "block_1_attention/query/kernel"
    last = {name for name in biases if name.startswith("block_1")}
    assert {name for name, s in trained.items() if s.trains} == head | last | {first}


def test_training_mode() -> None:
    model = randomise(cnn())
    imported = import_model(model, IMAGES, training=True)
    predicted = run(imported, IMAGES, function="predict").results[0]
    np.testing.assert_allclose(predicted, by_keras(model, IMAGES)[0], rtol=1e-4, atol=1e-5)
    outcome = run(imported, IMAGES)
    expected, changed = by_keras(model, IMAGES, training=True)
    np.testing.assert_allclose(outcome.results[0], expected, rtol=1e-4, atol=1e-5)
    assert len(outcome.assignments) == len(changed) == 2
    for variable, new in zip(model.non_trainable_variables, changed, strict=True):
        found = outcome.assignments[variable.path]
        np.testing.assert_allclose(found, new, rtol=1e-4, atol=1e-6)


def test_a_file_and_inputs_of_its_own(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,), batch_size=2), layers.Dense(3, name="dense")])
    model.save(tmp_path / "m.keras")
    imported = import_model(tmp_path / "m.keras")
    (path,) = [name for name in imported.values if name.endswith("dense/kernel")]
    np.testing.assert_array_equal(imported.values[path], model.get_weights()[0])
    (tmp_path / "n.keras").write_text("no model")
    with pytest.raises(ModelImportError, match="n.keras: Keras cannot load it"):
        import_model(tmp_path / "n.keras")


def test_frozen_layers_are_buffers_and_losses_of_keras() -> None:
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")]
    )
    model.layers[0].trainable = False
    x, y = np.ones((2, 4), "f"), np.zeros((2, 2), "f")
    imported = import_model(model, x, loss=keras.losses.MeanAbsoluteError(), example_targets=y)
    assert {name.split("/")[-2] for name in shapes(imported)} == {"b"}
    expected = float(np.abs(np.array(model(x))).mean())
    assert run(imported, x, y, function="loss").loss == pytest.approx(expected, rel=1e-5)


def test_what_keras_would_add() -> None:
    regular = layers.Dense(3, kernel_regularizer="l2")
    with pytest.raises(ModelImportError, match="adds 1 losses of its own"):
        import_model(keras.Sequential([keras.Input((4,)), regular]), np.ones((2, 4), "f"))


class Twins(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.twins = [layers.Dense(4, name="twin"), layers.Dense(4, name="twin")]

    def call(self, x: Any) -> Any:
        return self.twins[1](self.twins[0](x))


def test_paths_and_shapes_that_are_not_told() -> None:
    with pytest.raises(ModelImportError, match="same path; name their layers:\n  twins/twin/bias"):
        import_model(Twins(), np.ones((2, 4), "f"))
    with pytest.raises(
        ModelImportError, match=r"leaves shapes of its inputs open: \(None, 8, 8, 3\)"
    ):
        import_model(cnn())
