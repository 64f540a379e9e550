// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock{keep=depthwise})' | filecheck %s
// RUN: not pock-opt %s --pass-pipeline='builtin.module(lower-pock{keep=dense})' 2>&1 | filecheck %s --check-prefix=OTHER

// Gradients of depthwise convolutions are left to a backend that has kernels for them; not those of
// others.
// OTHER: keep must be 'depthwise', got 'dense'

// CHECK-LABEL: func.func @depthwise
func.func @depthwise(%x: tensor<2x4x4x8xf32>, %w: tensor<3x3x1x8xf32>, %dy: tensor<2x4x4x8xf32>)
    -> (tensor<2x4x4x8xf32>, tensor<3x3x1x8xf32>) {
  // CHECK: "pock.conv_input_gradient"
  // CHECK: "pock.conv_kernel_gradient"
  %dx = "pock.conv_input_gradient"(%dy, %w) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 8 : i64}
    : (tensor<2x4x4x8xf32>, tensor<3x3x1x8xf32>) -> tensor<2x4x4x8xf32>
  %dw = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 8 : i64}
    : (tensor<2x4x4x8xf32>, tensor<2x4x4x8xf32>) -> tensor<3x3x1x8xf32>
  return %dx, %dw : tensor<2x4x4x8xf32>, tensor<3x3x1x8xf32>
}

// CHECK-LABEL: func.func @grouped
func.func @grouped(%w: tensor<3x3x4x8xf32>, %dy: tensor<2x4x4x8xf32>) -> tensor<2x4x4x8xf32> {
  // CHECK-NOT: pock
  // CHECK: stablehlo.convolution
  %dx = "pock.conv_input_gradient"(%dy, %w) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 2 : i64}
    : (tensor<2x4x4x8xf32>, tensor<3x3x4x8xf32>) -> tensor<2x4x4x8xf32>
  return %dx : tensor<2x4x4x8xf32>
}
