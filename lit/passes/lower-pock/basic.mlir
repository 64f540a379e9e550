// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s

// A 1x1 convolution's gradients are matrix products over all places.
// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: tensor<2x4x4x8xf32>, %w: tensor<1x1x8x6xf32>, %dy: tensor<2x4x4x6xf32>)
    -> (tensor<2x4x4x8xf32>, tensor<1x1x8x6xf32>) {
  // CHECK-NOT: pock.
  // CHECK: stablehlo.dot_general {{.*}} contracting_dims = [1] x [1] {{.*}} -> tensor<32x8xf32>
  // CHECK: %[[X:.*]] = stablehlo.reshape %arg0 {{.*}} -> tensor<32x8xf32>
  // CHECK: %[[DY:.*]] = stablehlo.reshape %arg2 {{.*}} -> tensor<32x6xf32>
  // CHECK: stablehlo.dot_general %[[X]], %[[DY]], contracting_dims = [0] x [0] {{.*}} -> tensor<8x6xf32>
  %dx = "pock.conv_input_gradient"(%dy, %w) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 0, 0>,
      padding_high = array<i64: 0, 0>, groups = 1 : i64}
    : (tensor<2x4x4x6xf32>, tensor<1x1x8x6xf32>) -> tensor<2x4x4x8xf32>
  %dw = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 0, 0>,
      padding_high = array<i64: 0, 0>, groups = 1 : i64}
    : (tensor<2x4x4x8xf32>, tensor<2x4x4x6xf32>) -> tensor<1x1x8x6xf32>
  return %dx, %dw : tensor<2x4x4x8xf32>, tensor<1x1x8x6xf32>
}

// The input gradient of a 3x3 convolution is a convolution with the flipped kernel; its kernel
// gradient is one matrix product per place of the kernel, never a convolution.
// CHECK-LABEL: func.func @dense
func.func @dense(%x: tensor<2x4x4x8xf32>, %w: tensor<3x3x8x6xf32>, %dy: tensor<2x4x4x6xf32>)
    -> (tensor<2x4x4x8xf32>, tensor<3x3x8x6xf32>) {
  // CHECK: stablehlo.reverse {{.*}}, dims = [0, 1] : tensor<3x3x6x8xf32>
  // CHECK: stablehlo.convolution
  // CHECK-NOT: stablehlo.convolution
  // CHECK-COUNT-9: stablehlo.dot_general {{.*}} -> tensor<8x6xf32>
  // CHECK: stablehlo.concatenate
  %dx = "pock.conv_input_gradient"(%dy, %w) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 1 : i64}
    : (tensor<2x4x4x6xf32>, tensor<3x3x8x6xf32>) -> tensor<2x4x4x8xf32>
  %dw = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 1 : i64}
    : (tensor<2x4x4x8xf32>, tensor<2x4x4x6xf32>) -> tensor<3x3x8x6xf32>
  return %dx, %dw : tensor<2x4x4x8xf32>, tensor<3x3x8x6xf32>
}

// No exponential of a logit that was not made less than or equal to zero before.
// CHECK-LABEL: func.func @loss
func.func @loss(%z: tensor<4x3xf32>, %t: tensor<4xi32>, %one: tensor<f32>)
    -> (tensor<f32>, tensor<4x3xf32>) {
  // CHECK: stablehlo.reduce(%arg0 init: {{.*}}) applies stablehlo.maximum
  // CHECK: %[[Z:.*]] = stablehlo.subtract %arg0,
  // CHECK: stablehlo.exponential %[[Z]]
  // CHECK: stablehlo.log
  // CHECK: stablehlo.divide
  %loss = "pock.softmax_cross_entropy"(%z, %t) : (tensor<4x3xf32>, tensor<4xi32>) -> tensor<f32>
  %dz = "pock.softmax_cross_entropy_gradient"(%z, %t, %one)
    : (tensor<4x3xf32>, tensor<4xi32>, tensor<f32>) -> tensor<4x3xf32>
  return %loss, %dz : tensor<f32>, tensor<4x3xf32>
}
