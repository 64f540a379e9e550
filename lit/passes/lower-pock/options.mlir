// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=conv_kernel_gradient:depthwise-taps})' | filecheck %s --check-prefix=TAPS
// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=conv_kernel_gradient:depthwise-channels})' | filecheck %s --check-prefix=CHANNELS
// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=conv_kernel_gradient:dense-taps+conv_input_gradient:convolution})' | filecheck %s --check-prefix=TWO

// `forms` prefers a form of an op; where it is not legal, the first legal one is taken.

// CHECK-LABEL: func.func @depthwise
// TAPS-LABEL: func.func @depthwise
// TWO-LABEL: func.func @depthwise
func.func @depthwise(%x: tensor<2x4x4x8xf32>, %dy: tensor<2x4x4x8xf32>) -> tensor<3x3x1x8xf32> {
  // CHECK-COUNT-2: stablehlo.convolution{{.*}}feature_group_count = 8
  // CHANNELS: stablehlo.convolution{{.*}}feature_group_count = 16
  // TAPS-NOT: stablehlo.convolution
  // TAPS-COUNT-9: stablehlo.reduce(
  // TWO-COUNT-2: stablehlo.convolution{{.*}}feature_group_count = 8
  %dw = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 8 : i64}
    : (tensor<2x4x4x8xf32>, tensor<2x4x4x8xf32>) -> tensor<3x3x1x8xf32>
  return %dw : tensor<3x3x1x8xf32>
}

// CHECK-LABEL: func.func @pointwise
// TAPS-LABEL: func.func @pointwise
// TWO-LABEL: func.func @pointwise
func.func @pointwise(%w: tensor<1x1x8x6xf32>, %dy: tensor<2x4x4x6xf32>) -> tensor<2x4x4x8xf32> {
  // CHECK: stablehlo.dot_general
  // TAPS: stablehlo.dot_general
  // TWO-NOT: stablehlo.dot_general
  // TWO: stablehlo.convolution
  %dx = "pock.conv_input_gradient"(%dy, %w) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 0, 0>,
      padding_high = array<i64: 0, 0>, groups = 1 : i64}
    : (tensor<2x4x4x6xf32>, tensor<1x1x8x6xf32>) -> tensor<2x4x4x8xf32>
  return %dx : tensor<2x4x4x8xf32>
}
