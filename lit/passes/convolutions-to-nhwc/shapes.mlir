// RUN: pock-opt %s --pass-pipeline='builtin.module(convolutions-to-nhwc)' | filecheck %s

// Ops with an entry per dimension follow the layout; a reshape that merges the places follows too,
// one that merges channels and places needs the value as it was.

// CHECK-LABEL: func.func @shapes
func.func @shapes(%x: tensor<2x3x4x4xf32>, %w: tensor<3x3x1x1xf32>)
    -> (tensor<2x3x16xf32>, tensor<2x48xf32>, tensor<2x6x2x5xf32>) {
  // CHECK: %[[Y:.*]] = stablehlo.convolution
  // CHECK: stablehlo.slice %[[Y]] [0:2, 0:2, 0:4, 0:3]
  // CHECK: stablehlo.pad {{.*}} low = [0, 0, 1, 0]
  // CHECK: stablehlo.concatenate {{.*}} dim = 3
  // CHECK: %[[R:.*]] = stablehlo.reshape %[[Y]] : (tensor<2x4x4x3xf32>) -> tensor<2x16x3xf32>
  // CHECK: %[[BACK:.*]] = stablehlo.transpose %[[Y]], dims = [0, 3, 1, 2]
  // CHECK: %[[FLAT:.*]] = stablehlo.reshape %[[BACK]]
  // CHECK: stablehlo.transpose %[[R]], dims = [0, 2, 1]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1],
    window = {} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x3x4x4xf32>, tensor<3x3x1x1xf32>) -> tensor<2x3x4x4xf32>
  %s = stablehlo.slice %y [0:2, 0:3, 0:2, 0:4] : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x4xf32>
  %p = stablehlo.pad %s, %zero, low = [0, 0, 0, 1], high = [0, 0, 0, 0], interior = [0, 0, 0, 0]
    : (tensor<2x3x2x4xf32>, tensor<f32>) -> tensor<2x3x2x5xf32>
  %c = stablehlo.concatenate %p, %p, dim = 1
    : (tensor<2x3x2x5xf32>, tensor<2x3x2x5xf32>) -> tensor<2x6x2x5xf32>
  %r = stablehlo.reshape %y : (tensor<2x3x4x4xf32>) -> tensor<2x3x16xf32>
  %flat = stablehlo.reshape %y : (tensor<2x3x4x4xf32>) -> tensor<2x48xf32>
  return %r, %flat, %c : tensor<2x3x16xf32>, tensor<2x48xf32>, tensor<2x6x2x5xf32>
}
