"""The JAX front end: names, order, locations, modes, and the same numbers as JAX."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import pock_mlir as pock
from pock_mlir.importers import ImportedModel, ModelImportError, import_model
from pock_mlir.rewriting import parameters
from tests.importers.jax_models import batches, cnn, cnn_params, transformer, transformer_params
from tests.importers.running import ops_of
from tests.support.interpreter import Interpreter, Outcome


def run(imported: ImportedModel, *inputs: np.ndarray, function: str = "forward") -> Outcome:
    return Interpreter(imported.module, function)(imported.values, *inputs)


@pytest.mark.parametrize("kind", ["cnn", "transformer"])
def test_the_numbers_are_those_of_jax(kind: str) -> None:
    call, params = (cnn, cnn_params()) if kind == "cnn" else (transformer, transformer_params())
    ((x, _), *_rest) = batches(kind)
    imported = import_model(pock.JaxModel(call, params), x)
    np.testing.assert_allclose(run(imported, x).results[0], call(params, x), rtol=1e-4, atol=1e-5)
    dialects = {name.partition(".")[0] for name in ops_of(imported.module)}
    assert dialects <= {"pock", "stablehlo", "chlo", "func"}


def test_parameters_are_named_by_path_and_ordered_by_use() -> None:
    images = batches("cnn")[0][0]
    imported = import_model(pock.JaxModel(cnn, cnn_params()), images)
    block = [
        f"{layer}.{leaf}" for layer in ("depthwise", "pointwise") for leaf in ("kernel", "bias")
    ]
    assert list(imported.values) == [
        *("stem.kernel", "stem.bias"),
        *(f"blocks.{i}.{name}" for i in range(2) for name in block),
        *("classifier.kernel", "classifier.bias"),
    ]
    assert imported.inputs == ["images"]
    assert {op.kind.value for op in parameters(imported.module).values()} == {"weight"}


def test_out_and_in_are_found_in_the_uses() -> None:
    found = {}
    for kind, model in (("cnn", pock.JaxModel(cnn, cnn_params())), ("transformer", _transformer())):
        module = import_model(model, batches(kind)[0][0]).module
        found |= {name: op.axes for name, op in parameters(module).items()}
    assert found["stem.kernel"] == found["blocks.0.depthwise.kernel"] == (3, 2)
    assert found["classifier.kernel"] == found["layers.0.attention.q.kernel"] == (1, 0)
    assert found["layers.0.attention.out.kernel"] == (2, 0)
    assert found["embedding"] == (), "a look-up does not tell"


def _transformer() -> pock.JaxModel:
    return pock.JaxModel(transformer, transformer_params())


def test_locations_name_the_scope_and_no_file() -> None:
    imported = import_model(pock.JaxModel(cnn, cnn_params()), batches("cnn")[0][0])
    text = imported.module.operation.get_asm(enable_debug_info=True, use_local_scope=True)
    assert re.search(r'stablehlo.convolution.* loc\("blocks.0/conv_general_dilated"\)', text)
    assert ".py" not in text and "jit(" not in text


def test_an_exported_program() -> None:
    params, (x, _) = cnn_params(), batches("cnn")[0]
    specs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (params, x))
    written = export.export(jax.jit(cnn))(*specs).serialize()
    imported = import_model(pock.JaxModel(export.deserialize(written), params))
    np.testing.assert_allclose(run(imported, x).results[0], cnn(params, x), rtol=1e-4, atol=1e-5)


def test_values_may_be_left_out() -> None:
    specs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), cnn_params())
    imported = import_model(pock.JaxModel(cnn, specs), batches("cnn")[0][0])
    assert imported.values == {}
    assert len(parameters(imported.module)) == 12


def scale(params: Any, buffers: Any, x: jax.Array) -> jax.Array:
    return (x - buffers["mean"]) * params["scale"]


def scale_in_training(params: Any, buffers: Any, x: jax.Array) -> Any:
    mean = x.mean(0)
    new = {"mean": 0.5 * buffers["mean"] + 0.5 * mean, "unused": buffers["unused"]}
    return (x - mean) * params["scale"], new


def test_training_mode_assigns_the_buffers() -> None:
    buffers = {"mean": np.ones(3, "f"), "unused": np.zeros(2, "f")}
    model = pock.JaxModel(scale, {"scale": np.full(3, 2, "f")}, buffers, scale_in_training)
    x = np.arange(6, dtype="f").reshape(2, 3)
    imported = import_model(model, x, training=True)
    outcome = run(imported, x)
    np.testing.assert_allclose(outcome.results[0], (x - x.mean(0)) * 2)
    assert set(outcome.assignments) == {"mean"}
    np.testing.assert_allclose(outcome.assignments["mean"], 0.5 + 0.5 * x.mean(0))
    np.testing.assert_allclose(run(imported, x, function="predict").results[0], (x - 1) * 2)
    kinds = {name: op.kind.value for name, op in parameters(imported.module).items()}
    assert kinds["scale"] == "weight" and kinds["mean"] == "buffer"


def test_inputs_by_name_and_in_trees() -> None:
    def call(params: Any, pair: Any, *, shift: jax.Array) -> jax.Array:
        return params["w"] * pair["a"] + pair["b"] + shift

    x = np.ones(3, "f")
    params = {"w": np.full(3, 2, "f")}
    named = import_model(
        pock.JaxModel(call, params), {"pair": {"a": x, "b": 2 * x}, "shift": 3 * x}
    )
    assert named.inputs == ["pair.a", "pair.b", "shift"]
    np.testing.assert_array_equal(run(named, x, 2 * x, 3 * x).results[0], 7 * x)
    first = import_model(pock.JaxModel(lambda p, t: p["w"] * t[1], params), ((x, x),))
    assert first.inputs == ["t.0", "t.1"]


def test_a_loss_in_jax() -> None:
    params = {"w": np.full((3, 2), 0.5, "f")}
    x, y = np.ones((4, 3), "f"), np.ones((4, 2), "f")
    imported = import_model(
        pock.JaxModel(lambda p, x: x @ p["w"], params),
        x,
        loss=lambda outputs, targets: jnp.abs(outputs - targets).sum(),
        example_targets=y,
    )
    assert run(imported, x, y, function="loss").loss == pytest.approx(4)
    np.testing.assert_allclose(run(imported, x, function="predict").results[0], 1.5)


# ---- errors ----------------------------------------------------------------------------------


@jax.custom_vjp
def clipped(x: jax.Array) -> jax.Array:
    return jnp.sign(x)


clipped.defvjp(lambda x: (clipped(x), None), lambda _, dy: (dy,))


def test_derivatives_that_would_be_lost() -> None:
    def call(params: Any, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(clipped(jax.nn.relu(x) * jax.lax.stop_gradient(params["w"])))

    with pytest.raises(ModelImportError, match="derivatives of its own") as caught:
        import_model(pock.JaxModel(call, {"w": np.ones(3, "f")}), np.ones(3, "f"))
    first, second = caught.value.problems
    assert re.fullmatch(r"stop_gradient in .*call, test_jax.py:\d+", first)
    assert re.fullmatch(r"custom_vjp of clipped, test_jax.py:\d+", second)


def test_what_is_not_stablehlo() -> None:
    def call(params: Any, x: jax.Array) -> jax.Array:
        return jnp.linalg.qr(x * params["w"])[0]

    with pytest.raises(ModelImportError, match="custom_call.*code outside the model"):
        import_model(pock.JaxModel(call, {"w": np.ones((3, 3), "f")}), np.ones((3, 3), "f"))


@pytest.mark.parametrize(
    ("params", "inputs", "message"),
    [
        ({"w": np.ones(2, "c8")}, np.ones(2, "f"), "w: complex64 is not supported"),
        ({}, np.ones(2, "f"), "it has no parameters"),
        ({"w": np.ones(2, "f"), "a.b": np.ones(2), "a": {"b": np.ones(2)}}, (), "path 'a.b'"),
        ({"w": np.ones(2, "f")}, (), "needs example inputs"),
        ({"w": np.ones(2, "f")}, np.ones(3, "f"), "JAX cannot trace the model"),
    ],
)
def test_parameters_and_inputs_that_do_not_fit(params: Any, inputs: Any, message: str) -> None:
    with pytest.raises(ModelImportError, match=message):
        import_model(pock.JaxModel(lambda p, x: x * p["w"], params), inputs)


def test_a_training_mode_that_was_not_given() -> None:
    model = pock.JaxModel(lambda p, x: x * p["w"], {"w": np.ones(2, "f")})
    with pytest.raises(ModelImportError, match="has no training mode"):
        import_model(model, np.ones(2, "f"), training=True)


def test_new_buffers_of_another_tree() -> None:
    buffers = {"mean": np.ones(3, "f")}
    model = pock.JaxModel(
        scale, {"scale": np.ones(3, "f")}, buffers, lambda p, b, x: (x * p["scale"], {})
    )
    with pytest.raises(ModelImportError, match="in the tree of the old ones"):
        import_model(model, np.ones((2, 3), "f"), training=True)
