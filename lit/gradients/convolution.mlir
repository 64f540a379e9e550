// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// Both gradients are ops of the dialect, that by the image first.

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<1x5x5x2xf32>} : () -> ()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x3x1x4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<1x3x3x4xf32>) -> tensor<f32> {
  // CHECK: %[[V:.*]] = "pock.read"() {parameter = @v}
  // CHECK: %[[W:.*]] = "pock.read"() {parameter = @w}
  // CHECK: %[[DV:.*]] = "pock.conv_input_gradient"(%[[DY:.*]], %[[W]]) {dilations = array<i64: 1, 1>, groups = 2 : i64, padding_high = array<i64: 1, 2>, padding_low = array<i64: 1, 0>, strides = array<i64: 2, 2>}
  // CHECK-NEXT: %[[DW:.*]] = "pock.conv_kernel_gradient"(%[[V]], %[[DY]])
  // CHECK-NEXT: "pock.update"(%[[DW]])
  // CHECK-NEXT: "pock.update"(%[[DV]])
  %v = "pock.read"() {parameter = @v} : () -> tensor<1x5x5x2xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3x3x1x4xf32>
  %y = stablehlo.convolution(%v, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [2, 2], pad = [[1, 1], [0, 2]]}
    {batch_group_count = 1 : i64, feature_group_count = 2 : i64}
    : (tensor<1x5x5x2xf32>, tensor<3x3x1x4xf32>) -> tensor<1x3x3x4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1, 2, 3] x [0, 1, 2, 3]
    : (tensor<1x3x3x4xf32>, tensor<1x3x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Other dimension numbers are transposed to canonical ones, and the gradient back. Nothing is made
// for the image, which is not trained.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x2x3x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<1x2x5x5xf32>, %dy: tensor<4x3x3x1xf32>) -> tensor<f32> {
  // CHECK: stablehlo.dot_general
  // CHECK: %[[X:.*]] = stablehlo.transpose %arg0, dims = [0, 2, 3, 1]
  // CHECK: %[[DY:.*]] = stablehlo.transpose %{{.*}}, dims = [3, 1, 2, 0]
  // CHECK-NOT: pock.conv_input_gradient
  // CHECK: %[[G:.*]] = "pock.conv_kernel_gradient"(%[[X]], %[[DY]])
  // CHECK: %[[DW:.*]] = stablehlo.transpose %[[G]], dims = [3, 2, 0, 1]
  // CHECK-NEXT: "pock.update"(%[[DW]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<4x2x3x3xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[f, 0, 1, b],
    window = {} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32>) -> tensor<4x3x3x1xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1, 2, 3] x [0, 1, 2, 3]
    : (tensor<4x3x3x1xf32>, tensor<4x3x3x1xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
