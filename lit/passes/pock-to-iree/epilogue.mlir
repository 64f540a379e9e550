// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// What reads a product in panels, with another tensor, is computed in the panels' shape.
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<8x16xf32>, %p: tensor<2x16x16xf32>, %z: tensor<2x4x32xf32>) -> tensor<2x4x32xf32> {
  // CHECK: %[[Y:.*]] = linalg.generic
  // CHECK: %[[MASK:.*]] = stablehlo.reshape %arg2 : (tensor<2x4x32xf32>) -> tensor<8x2x16xf32>
  // CHECK: %[[HERE:.*]] = stablehlo.compare GT, %[[MASK]]
  // CHECK: stablehlo.select %[[HERE]], %[[Y]], {{.*}} : tensor<8x2x16xi1>, tensor<8x2x16xf32>
  // CHECK: stablehlo.reshape {{.*}} -> tensor<2x4x32xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<2x4x32xf32>
  %y = stablehlo.dot_general %x, %p, contracting_dims = [1] x [1] {pock.tile = array<i64: 4, 16, 4>}
    : (tensor<8x16xf32>, tensor<2x16x16xf32>) -> tensor<8x2x16xf32>
  %r = stablehlo.reshape %y : (tensor<8x2x16xf32>) -> tensor<2x4x32xf32>
  %here = stablehlo.compare GT, %z, %zero, FLOAT : (tensor<2x4x32xf32>, tensor<2x4x32xf32>) -> tensor<2x4x32xi1>
  %s = stablehlo.select %here, %r, %zero : tensor<2x4x32xi1>, tensor<2x4x32xf32>
  return %s : tensor<2x4x32xf32>
}
