// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree{tiles=false})' | filecheck %s --check-prefix=SAFE
// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree{vector-width=4})' | filecheck %s --check-prefix=NARROW

// Kernels that read and write several slices of a tensor, with strides.

// A transform of Winograd's: 16 places of every square are read of one image, and written to one
// stack.
// CHECK-LABEL: func.func @winograd
// CHECK: "flow.dispatch.workgroups"(%arg0, %{{.*}}) ({
// CHECK-COUNT-16: "iree_tensor_ext.dispatch.tensor.load"(%{{.*}}) {{.*}} static_strides = array<i64: 1, 2, 2, 1>
// CHECK: linalg.generic
// CHECK-SAME: vector_common_parallel = [1, 1, 1, 8]
// CHECK: arith.subf
// NARROW: linalg.generic
// NARROW-SAME: vector_common_parallel = [1, 1, 1, 4]
// CHECK-COUNT-16: "iree_tensor_ext.dispatch.tensor.store"
// CHECK-NOT: pock.winograd
func.func @winograd(%x: tensor<1x6x10x8xf32>) -> tensor<16x1x2x4x8xf32> {
  %y = "pock.winograd_image"(%x) {side = 2 : i64} : (tensor<1x6x10x8xf32>) -> tensor<16x1x2x4x8xf32>
  return %y : tensor<16x1x2x4x8xf32>
}

// The gradient of an image that every other place of was looked at: four kinds of places, of which
// each meets its own taps; 4 slices of dy, 9 numbers of the kernel.
// CHECK-LABEL: func.func @strided
// CHECK: stablehlo.pad %arg0, {{.*}} low = [0, 0, 0, 0], high = [0, 1, 1, 0], interior = [0, 0, 0, 0]
// CHECK: "flow.dispatch.workgroups"
// CHECK: ins({{.*}}tensor<1x4x4x8xf32>, tensor<8xf32>
// CHECK-COUNT-9: arith.mulf
// CHECK-NOT: arith.mulf
// CHECK-COUNT-4: "iree_tensor_ext.dispatch.tensor.store"(%{{.*}}) {{.*}} static_strides = array<i64: 1, 2, 2, 1>
// SAFE-LABEL: func.func @strided
// SAFE-NOT: flow.dispatch
// SAFE: stablehlo.convolution
func.func @strided(%dy: tensor<1x4x4x8xf32>, %w: tensor<3x3x1x8xf32>) -> tensor<1x8x8x8xf32> {
  %dx = "pock.conv_input_gradient"(%dy, %w) {
      strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 8 : i64}
    : (tensor<1x4x4x8xf32>, tensor<3x3x1x8xf32>) -> tensor<1x8x8x8xf32>
  return %dx : tensor<1x8x8x8xf32>
}

// The gradient of the kernel: nine sums in one kernel, of neighbours two at a time.
// CHECK-LABEL: func.func @sums
// CHECK: iterator_types = ["parallel", "parallel", "reduction", "reduction"]
// CHECK-COUNT-18: arith.mulf
// CHECK-NOT: arith.mulf
// CHECK: stablehlo.reduce
func.func @sums(%x: tensor<2x8x8x8xf32>, %dy: tensor<2x8x8x8xf32>) -> tensor<3x3x1x8xf32> {
  %dw = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 8 : i64}
    : (tensor<2x8x8x8xf32>, tensor<2x8x8x8xf32>) -> tensor<3x3x1x8xf32>
  return %dw : tensor<3x3x1x8xf32>
}
