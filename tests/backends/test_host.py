"""The NumPy backend computes what IREE computes, or says that it cannot."""

import numpy as np

from pock_mlir.backends import host
from pock_mlir.backends.iree import evaluate as iree
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module

HEADER = """
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "buffer", type = tensor<4xf32>} : () -> ()
"""

FOLD = """
func.func @fold() -> (tensor<3x4xf32>, tensor<2x4x3xf32>, tensor<f32>) {
  %w = "pock.read"() {parameter = @w} : () -> tensor<3x4xf32>
  %v = "pock.read"() {parameter = @v} : () -> tensor<4xf32>
  %e = stablehlo.constant dense<[1.0e-3, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %two = stablehlo.constant dense<2.0> : tensor<3x4xf32>
  %a = stablehlo.add %v, %e : tensor<4xf32>
  %b = stablehlo.sqrt %a : tensor<4xf32>
  %c = stablehlo.divide %e, %b : tensor<4xf32>
  %d = stablehlo.rsqrt %a : tensor<4xf32>
  %f = stablehlo.subtract %c, %d : tensor<4xf32>
  %g = stablehlo.broadcast_in_dim %f, dims = [1] : (tensor<4xf32>) -> tensor<3x4xf32>
  %h = stablehlo.multiply %w, %g : tensor<3x4xf32>
  %i = stablehlo.maximum %h, %w : tensor<3x4xf32>
  %j = stablehlo.minimum %i, %two : tensor<3x4xf32>
  %k = stablehlo.negate %j : tensor<3x4xf32>
  %t = stablehlo.transpose %k, dims = [1, 0] : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %r = stablehlo.reshape %t : (tensor<4x3xf32>) -> tensor<4x1x3xf32>
  %u = stablehlo.broadcast_in_dim %t, dims = [1, 2] : (tensor<4x3xf32>) -> tensor<2x4x3xf32>
  %q = stablehlo.broadcast_in_dim %k, dims = [2, 1] : (tensor<3x4xf32>) -> tensor<2x4x3xf32>
  %s = stablehlo.add %u, %q : tensor<2x4x3xf32>
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  return %k, %s, %one : tensor<3x4xf32>, tensor<2x4x3xf32>, tensor<f32>
}"""

UNKNOWN = """
func.func @fold() -> tensor<4xf32> {
  %v = "pock.read"() {parameter = @v} : () -> tensor<4xf32>
  %a = stablehlo.tanh %v : tensor<4xf32>
  return %a : tensor<4xf32>
}"""

RNG = np.random.default_rng(0)
VALUES = {
    "w": RNG.standard_normal((3, 4)).astype(np.float32),
    "v": RNG.random(4).astype(np.float32),
}


def test_it_agrees_with_iree() -> None:
    with make_context(), Location.unknown():
        module = Module.parse(HEADER + FOLD)
        ours = host.evaluate(module, "fold", VALUES)
        theirs = iree.evaluate(module, "fold", VALUES)
    assert ours is not None
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.dtype, mine.shape) == (other.dtype, other.shape)
        np.testing.assert_allclose(mine, other, rtol=1e-6)


def test_it_leaves_what_it_does_not_know() -> None:
    with make_context(), Location.unknown():
        module = Module.parse(HEADER + UNKNOWN)
        assert host.evaluate(module, "fold", VALUES) is None
        (expected,) = [np.tanh(VALUES["v"])]
        np.testing.assert_allclose(iree.evaluate(module, "fold", VALUES)[0], expected, rtol=1e-6)
