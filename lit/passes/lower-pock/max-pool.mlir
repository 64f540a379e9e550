// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s

// Windows that overlap: IREE has no legal form of stablehlo.select_and_scatter for them, and no
// form here uses it.

// CHECK-LABEL: func.func @overlapping
// CHECK-NOT: select_and_scatter
func.func @overlapping(%x: tensor<2x4x4x8xf32>, %y: tensor<2x2x2x8xf32>, %dy: tensor<2x2x2x8xf32>)
    -> tensor<2x4x4x8xf32> {
  // The border never is a maximum.
  // CHECK: stablehlo.constant dense<0xFF800000> : tensor<f32>
  // CHECK: stablehlo.pad %arg0
  // CHECK: %[[FIRST:.*]] = stablehlo.compare EQ, {{.*}}, %arg1
  // CHECK: stablehlo.select %[[FIRST]], %arg2
  // Of equal maxima the first in the window takes the gradient.
  // CHECK: %[[SECOND:.*]] = stablehlo.compare EQ, {{.*}}, %arg1
  // CHECK: %[[NOT:.*]] = stablehlo.not %[[FIRST]]
  // CHECK: %[[TAKES:.*]] = stablehlo.and %[[SECOND]], %[[NOT]]
  // CHECK: stablehlo.select %[[TAKES]], %arg2
  // CHECK-COUNT-7: stablehlo.select {{.*}}, %arg2
  // CHECK-NOT: stablehlo.select
  // CHECK: return
  %dx = "pock.max_pool_gradient"(%x, %y, %dy) {
      window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 2, 2, 1>,
      padding_low = array<i64: 0, 1, 1, 0>, padding_high = array<i64: 0, 0, 0, 0>}
    : (tensor<2x4x4x8xf32>, tensor<2x2x2x8xf32>, tensor<2x2x2x8xf32>) -> tensor<2x4x4x8xf32>
  return %dx : tensor<2x4x4x8xf32>
}
