// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// A transposed convolution is the gradient of a plain one, so its own gradient by the image is a
// plain convolution with strides, and that by the kernel has the image and dy exchanged.

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<1x3x1xf32>} : () -> ()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x1x2xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<1x7x2xf32>) -> tensor<f32> {
  // CHECK: %[[V:.*]] = "pock.read"() {parameter = @v}
  // CHECK: stablehlo.convolution(%[[V]]
  // CHECK: %[[B:.*]] = stablehlo.transpose %{{.*}}, dims = [0, 2, 1]
  // CHECK: %[[DX:.*]] = stablehlo.convolution(%[[DY:.*]], %[[B]]) {{.*}}stride = [2], pad = {{\[\[}}0, 0]]
  // CHECK: "pock.conv_kernel_gradient"(%[[DY]], %[[V]]) {{.*}}strides = array<i64: 2>{{.*}} -> tensor<3x2x1xf32>
  // CHECK: "pock.update"(%[[DX]])
  %v = "pock.read"() {parameter = @v} : () -> tensor<1x3x1xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3x1x2xf32>
  %y = stablehlo.convolution(%v, %w) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f],
    window = {pad = [[2, 2]], lhs_dilate = [2]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x3x1xf32>, tensor<3x1x2xf32>) -> tensor<1x7x2xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1, 2] x [0, 1, 2]
    : (tensor<1x7x2xf32>, tensor<1x7x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Groups of the batch become groups of features.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x1x2xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4x5x1xf32>, %dy: tensor<2x3x2xf32>) -> tensor<f32> {
  // CHECK: %[[X:.*]] = stablehlo.reshape %{{.*}} -> tensor<2x5x2xf32>
  // CHECK: "pock.conv_kernel_gradient"(%[[X]], %{{.*}}) {{.*}}groups = 2 : i64
  %w = "pock.read"() {parameter = @w} : () -> tensor<3x1x2xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f],
    window = {} {batch_group_count = 2 : i64, feature_group_count = 1 : i64}
    : (tensor<4x5x1xf32>, tensor<3x1x2xf32>) -> tensor<2x3x2xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1, 2] x [0, 1, 2]
    : (tensor<2x3x2xf32>, tensor<2x3x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
