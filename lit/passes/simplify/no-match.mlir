// RUN: pock-opt %s --pass-pipeline='builtin.module(simplify)' | filecheck %s

// 0 - x is not x, a real transpose stays, and so does one whose removal would reorder the result.

// CHECK-LABEL: func.func @stays
func.func @stays(%x: tensor<2x3x4xf32>, %w: tensor<4x5xf32>)
    -> (tensor<2x3x4xf32>, tensor<3x2x5xf32>) {
  // CHECK: stablehlo.subtract %{{.*}}, %arg0
  // CHECK: stablehlo.transpose %arg0
  // CHECK: stablehlo.dot_general {{.*}} contracting_dims = [2] x [0]
  %zero = stablehlo.constant dense<0.0> : tensor<2x3x4xf32>
  %n = stablehlo.subtract %zero, %x : tensor<2x3x4xf32>
  %t = stablehlo.transpose %x, dims = [1, 0, 2] : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %y = stablehlo.dot_general %t, %w, contracting_dims = [2] x [0]
    : (tensor<3x2x4xf32>, tensor<4x5xf32>) -> tensor<3x2x5xf32>
  return %n, %y : tensor<2x3x4xf32>, tensor<3x2x5xf32>
}
