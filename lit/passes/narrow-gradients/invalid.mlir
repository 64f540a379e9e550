// RUN: pock-opt %s --pass-pipeline='builtin.module(narrow-gradients)' | filecheck %s

// What cannot be narrowed stays a slice, and no more than that happens.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x3x2x6xf32>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<6x4xf32>} : () -> ()

// Channels of several groups, in part: half of the outputs of the first group, all of the second's.
// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<2x4x4x6xf32>, %dy: tensor<2x4x4x6xf32>) {
  // CHECK-NEXT: %[[G:.*]] = "pock.conv_kernel_gradient"(%arg0, %arg1) {{.*}} -> tensor<3x3x2x6xf32>
  // CHECK-NEXT: %[[PART:.*]] = stablehlo.slice %[[G]]
  // CHECK-NEXT: "pock.update"(%[[PART]])
  %g = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
      padding_high = array<i64: 1, 1>, groups = 3 : i64}
    : (tensor<2x4x4x6xf32>, tensor<2x4x4x6xf32>) -> tensor<3x3x2x6xf32>
  %part = stablehlo.slice %g [0:3, 0:3, 0:2, 1:4] : (tensor<3x3x2x6xf32>) -> tensor<3x3x2x3xf32>
  "pock.update"(%part) {parameter = @w, offsets = array<i64: 0, 0, 0, 1>, sizes = array<i64: 3, 3, 2, 3>}
    : (tensor<3x3x2x3xf32>) -> ()
  return
}

// A slice that is not contiguous in the operand of a reshape.
// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<24xf32>) {
  // CHECK-NEXT: %[[G:.*]] = stablehlo.reshape %arg0
  // CHECK-NEXT: %[[PART:.*]] = stablehlo.slice %[[G]] [0:6, 1:3]
  // CHECK-NEXT: "pock.update"(%[[PART]])
  %g = stablehlo.reshape %x : (tensor<24xf32>) -> tensor<6x4xf32>
  %part = stablehlo.slice %g [0:6, 1:3] : (tensor<6x4xf32>) -> tensor<6x2xf32>
  "pock.update"(%part) {parameter = @b, offsets = array<i64: 0, 1>, sizes = array<i64: 6, 2>}
    : (tensor<6x2xf32>) -> ()
  return
}
