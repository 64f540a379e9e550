"""The gradient of an embedding by look-up: the sums of a scatter, without a scatter."""

import numpy as np
import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import DenseElementsAttr, Location, Module, stablehlo_bindings
from pock_mlir.passes.lower_pock import LowerPock

RNG = np.random.default_rng(0)
SCATTER = """
func.func @main(%ids: {ids}, %rows: {rows}) -> tensor<7x4xf32> {{
  %zero = stablehlo.constant dense<{init}> : tensor<7x4xf32>
  %sum = "stablehlo.scatter"(%zero, %ids, %rows) ({{
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %0 = stablehlo.{combine} %a, %b : tensor<f32>
    stablehlo.return %0 : tensor<f32>
  }}) {{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [{window}],
       inserted_window_dims = [0], scatter_dims_to_operand_dims = [0],
       index_vector_dim = {vector}>}}
    : (tensor<7x4xf32>, {ids}, {rows}) -> tensor<7x4xf32>
  return %sum : tensor<7x4xf32>
}}
"""


def scatter(tokens: list[int], vector: int, init: str = "0.0", combine: str = "add") -> str:
    shape = "x".join(map(str, tokens))
    batch = len(tokens) - (vector == len(tokens) - 1 and tokens[-1] == 1)
    rows = "x".join(map(str, [*tokens[:batch], 4]))
    return SCATTER.format(
        ids=f"tensor<{shape}xi32>",
        rows=f"tensor<{rows}xf32>",
        init=init,
        combine=combine,
        window=batch,
        vector=vector,
    )


@pytest.mark.parametrize(
    ("tokens", "vector"), [([2, 5], 2), ([2, 5, 1], 2), ([10], 1), ([10, 1], 1), ([1], 1)]
)
def test_equals_the_sums_of_a_scatter(tokens: list[int], vector: int):
    ids = RNG.integers(0, 5, tokens).astype(np.int32)  # many twice, rows 5 and 6 never
    rows = RNG.standard_normal((ids.size, 4)).astype(np.float32)
    expected = np.zeros((7, 4), np.float32)
    np.add.at(expected, ids.ravel(), rows)
    with make_context(), Location.unknown():
        module = Module.parse(scatter(tokens, vector))
        LowerPock().run(module)
        assert "scatter" not in str(module)
        shaped = rows.reshape([*[n for n in tokens if n != 1 or len(tokens) == 1], 4])
        values = [DenseElementsAttr.get(each) for each in (ids, shaped)]
        (result,) = stablehlo_bindings.eval_module(module, values)
        np.testing.assert_allclose(np.array(result), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("init", "combine"), [("1.0", "add"), ("0.0", "maximum")])
def test_other_scatters_stay(init: str, combine: str):
    with make_context(), Location.unknown():
        module = Module.parse(scatter([2, 5], 2, init, combine))
        before = str(module)
        LowerPock().run(module)
        assert str(module) == before
