"""The masks of dropout: which they are, and that they look random."""

from __future__ import annotations

import numpy as np
import pytest

from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.passes.lower_pock import LowerPock
from tests.support.interpreter import Interpreter
from tests.support.random_masks import random_mask

STEPS, SITES, SHAPE = 40, 3, (40, 50)


def draw(
    step: int, shape: str, site: int = 0, keep: float = 0.8, value: float = 1.25
) -> np.ndarray:
    """A mask, in the interpreter."""
    text = f"""
    func.func @main(%step: tensor<i32>) -> tensor<{shape}xf32> {{
      %m = "pock.random_mask"(%step) {{seed = 7, site = {site}, keep = {keep}, value = {value}}}
        : (tensor<i32>) -> tensor<{shape}xf32>
      return %m : tensor<{shape}xf32>
    }}"""
    module = Module.parse(text, make_context())
    return Interpreter(module, "main")({}, np.int32(step)).results[0]


@pytest.mark.parametrize("step", [0, 1, 2**31 - 1])
def test_the_definition(step: int) -> None:
    expected = random_mask((3, 5, 7), 7, 2, step, 0.8, 1.25)
    np.testing.assert_array_equal(draw(step, "3x5x7", site=2), expected.astype(np.float32))


def test_nothing_and_everything() -> None:
    assert not draw(3, "8", keep=0.0).any()
    assert (draw(3, "8", keep=1.0, value=1.0) == 1).all()


def masks() -> np.ndarray:
    """+1 where kept, -1 elsewhere, with probability 1/2: [steps * sites, elements]."""
    each = [(t, s) for t in range(STEPS) for s in range(SITES)]
    drawn = [random_mask(SHAPE, 0, site, step, 0.5, 2.0) - 1 for step, site in each]
    return np.stack(drawn).reshape(len(each), -1)


def test_the_rate_at_which_elements_are_kept() -> None:
    kept = [(random_mask((100, 100), seed, 0, seed, 0.9, 1.0)).mean() for seed in range(20)]
    assert abs(np.mean(kept) - 0.9) < 4 * 0.3 / np.sqrt(20 * 10_000)
    assert np.std(kept) < 2 * 0.3 / 100


def test_masks_of_different_steps_and_sites_are_independent() -> None:
    drawn = masks()
    count, elements = drawn.shape
    correlations = (drawn @ drawn.T / elements)[np.triu_indices(count, 1)]
    assert np.abs(correlations).max() < 6 / np.sqrt(elements)
    assert np.std(correlations) == pytest.approx(1 / np.sqrt(elements), rel=0.1)


def test_elements_are_independent_of_their_neighbours() -> None:
    drawn = masks()
    for distance in (1, 2, SHAPE[1], 64, 128, 1024):
        ahead, behind = drawn[:, distance:], drawn[:, :-distance]
        assert abs((ahead * behind).mean()) < 5 / np.sqrt(ahead.size)
    per_element = drawn.mean(axis=0)
    assert np.std(per_element) == pytest.approx(1 / np.sqrt(len(drawn)), rel=0.1)


TWICE = """
func.func @f(%step: tensor<i32>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %m = "pock.random_mask"(%step) {seed = 0, site = 0, keep = 0.5, value = 2.0}
    : (tensor<i32>) -> tensor<4xf32>
  %y = stablehlo.multiply %x, %m : tensor<4xf32>
  %z = stablehlo.add %x, %m : tensor<4xf32>
  return %y, %z : tensor<4xf32>, tensor<4xf32>
}"""


def test_each_user_draws_the_mask_anew_and_gets_the_same() -> None:
    with make_context(), Location.unknown():
        module = Module.parse(TWICE)
        x = np.ones(4, np.float32)
        product, total = Interpreter(module, "f")({}, np.int32(5), x).results
        np.testing.assert_array_equal(product, total - 1)
        LowerPock().run(module)
        assert str(module).count("stablehlo.select") == 2


VIEWED = """
func.func @f(%step: tensor<i32>, %x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %m = "pock.random_mask"(%step) {seed = 0, site = 0, keep = 0.5, value = 2.0}
    : (tensor<i32>) -> tensor<2x3xf32>
  %t = stablehlo.transpose %m, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %unused = stablehlo.reshape %t : (tensor<3x2xf32>) -> tensor<6xf32>
  %y = stablehlo.multiply %x, %t : tensor<3x2xf32>
  %z = stablehlo.add %x, %t : tensor<3x2xf32>
  return %y, %z : tensor<3x2xf32>, tensor<3x2xf32>
}"""


def test_a_mask_in_another_layout_is_drawn_anew_too() -> None:
    with make_context(), Location.unknown():
        module = Module.parse(VIEWED)
        x = np.ones((3, 2), np.float32)
        product, total = Interpreter(module, "f")({}, np.int32(5), x).results
        np.testing.assert_array_equal(product, random_mask((2, 3), 0, 0, 5, 0.5, 2.0).T)
        np.testing.assert_array_equal(product, total - 1)
        LowerPock().run(module)
        assert str(module).count("stablehlo.select") == 2
        assert str(module).count("stablehlo.transpose") == 2
