"""What `prepare-for-gradients` puts in the place of special forms computes the same."""

from __future__ import annotations

import numpy as np
import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Module
from pock_mlir.passes.prepare_for_gradients import PrepareForGradients
from tests.support.interpreter import Interpreter

RANDOM = np.random.default_rng(0)
EINSUMS = ["ab,bc->ac", "ab,bc->ca", "abc,abd->acd", "abc,dab->bcd", "ab,c->cab", "abc,cb->a"]
SIZES = {"a": 2, "b": 3, "c": 4, "d": 5}


def _type(shape: tuple[int, ...], element: str = "f32") -> str:
    return f"tensor<{''.join(f'{n}x' for n in shape)}{element}>"


def _evaluate(text: str, *inputs: np.ndarray) -> np.ndarray:
    module = Module.parse(text, make_context())
    PrepareForGradients().run(module)
    (result,) = Interpreter(module, "forward")({}, *inputs).results
    return result


@pytest.mark.parametrize("config", EINSUMS)
def test_einsum(config: str):
    inputs, output = config.split("->")
    left, right, result = (tuple(SIZES[i] for i in each) for each in (*inputs.split(","), output))
    a, b = (RANDOM.normal(size=shape).astype(np.float32) for shape in (left, right))
    text = f"""func.func @forward(%a: {_type(left)}, %b: {_type(right)}) -> {_type(result)} {{
        %y = stablehlo.einsum %a, %b, config = "{config}" :
            ({_type(left)}, {_type(right)}) -> {_type(result)}
        return %y : {_type(result)}
      }}"""
    assert "einsum" in text
    np.testing.assert_allclose(_evaluate(text, a, b), np.einsum(config, a, b), rtol=1e-5)


@pytest.mark.parametrize("dimension", [1, 2])
def test_torch_index_select(dimension: int):
    x = RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
    indices = np.array([[2, 0], [1, 1]], np.int32)
    shape = (2, 2, 4) if dimension == 1 else (2, 3, 2)
    text = f"""func.func @forward(%x: {_type(x.shape)}, %i: tensor<2x2xi32>) -> {_type(shape)} {{
        %y = "stablehlo.torch_index_select"(%x, %i)
            {{dim = {dimension} : i64, batch_dims = 1 : i64}}
            : ({_type(x.shape)}, tensor<2x2xi32>) -> {_type(shape)}
        return %y : {_type(shape)}
      }}"""
    expected = np.stack([x[i].take(indices[i], dimension - 1) for i in range(2)])
    np.testing.assert_array_equal(_evaluate(text, x, indices), expected)


def test_map_of_several_operands_and_a_capture():
    text = """func.func @forward(%a: tensor<3xf32>, %b: tensor<3xf32>, %k: tensor<f32>)
        -> tensor<3xf32> {
        %y = "stablehlo.map"(%a, %b) ({
        ^bb0(%p: tensor<f32>, %q: tensor<f32>):
          %two = stablehlo.constant dense<2.0> : tensor<f32>
          %c = stablehlo.compare LT, %p, %q : (tensor<f32>, tensor<f32>) -> tensor<i1>
          %s = stablehlo.select %c, %two, %k : tensor<i1>, tensor<f32>
          %m = stablehlo.multiply %s, %p : tensor<f32>
          stablehlo.return %m : tensor<f32>
        }) {dimensions = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
        return %y : tensor<3xf32>
      }"""
    a, b, k = (np.array(each, np.float32) for each in ([1, 2, 3], [2, 2, 2], 5))
    result = _evaluate(text, a, b, k)
    np.testing.assert_array_equal(result, np.where(a < b, 2 * a, 5 * a))
