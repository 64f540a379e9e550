"""Operations of steps with loops and branches."""

from __future__ import annotations

from pock_mlir.dialects import make_context
from pock_mlir.ir import Module
from pock_mlir.report.operations import count_operations
from pock_mlir.rewriting import functions

STEP = """
func.func @train_step(%x0: tensor<2x2xf32>, %p: tensor<i1>) -> tensor<2x2xf32> {
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %c5 = stablehlo.constant dense<5> : tensor<i32>
  %w = stablehlo.sine %x0 : tensor<2x2xf32>
  %r:2 = stablehlo.while(%i = %c0, %x = %x0) : tensor<i32>, tensor<2x2xf32>
  cond {
    %c = stablehlo.compare LT, %i, %c5 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %i, %c1 : tensor<i32>
    %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
      : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    stablehlo.return %j, %y : tensor<i32>, tensor<2x2xf32>
  }
  %unused = "stablehlo.if"(%p) ({
    %a = stablehlo.sine %r#1 : tensor<2x2xf32>
    %b = stablehlo.sine %a : tensor<2x2xf32>
    stablehlo.return %b : tensor<2x2xf32>
  }, {
    stablehlo.return %w : tensor<2x2xf32>
  }) : (tensor<i1>) -> tensor<2x2xf32>
  return %r#1 : tensor<2x2xf32>
}
"""


def test_loops_count_by_trip_and_branches_by_the_longest():
    module = Module.parse(STEP, make_context())
    phases = count_operations(functions(module)[0])
    product, counter, sine = 2 * 2 * 4, 1, 4
    assert phases["forward"].flops == sine + 5 * (product + counter)
    assert phases["forward"].ops == {"stablehlo.sine": 1, "stablehlo.while": 1}
    assert phases["backward"].flops == 2 * sine
