// RUN: pock-opt %s --pass-pipeline='builtin.module(narrow-gradients)' | filecheck %s

// The gradient of a 1x1 convolution behind a ReLU, by some input channels of one kernel and some
// output channels of another.

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<1x1x8x6xf32>} : () -> ()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<1x1x8x6xf32>} : () -> ()

// CHECK-LABEL: func.func @input_channels
func.func @input_channels(%a: tensor<2x4x4x8xf32>, %dy: tensor<2x4x4x6xf32>) -> tensor<2x4x4x8xf32> {
  // The activation is needed by the forward, so the slice stops there, right after what makes it.
  // CHECK-NEXT: %[[X:.*]] = stablehlo.tanh %arg0
  // CHECK-NEXT: %[[PART:.*]] = stablehlo.slice %[[X]] [0:2, 0:4, 0:4, 2:5]
  // CHECK-NEXT: %[[G:.*]] = "pock.conv_kernel_gradient"(%[[PART]], %arg1) {{.*}} -> tensor<1x1x3x6xf32>
  // CHECK-NEXT: "pock.update"(%[[G]])
  // CHECK-NEXT: return %[[X]]
  %x = stablehlo.tanh %a : tensor<2x4x4x8xf32>
  %g = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 0, 0>,
      padding_high = array<i64: 0, 0>, groups = 1 : i64}
    : (tensor<2x4x4x8xf32>, tensor<2x4x4x6xf32>) -> tensor<1x1x8x6xf32>
  %part = stablehlo.slice %g [0:1, 0:1, 2:5, 0:6] : (tensor<1x1x8x6xf32>) -> tensor<1x1x3x6xf32>
  "pock.update"(%part) {parameter = @v, offsets = array<i64: 0, 0, 2, 0>, sizes = array<i64: 1, 1, 3, 6>}
    : (tensor<1x1x3x6xf32>) -> ()
  return %x : tensor<2x4x4x8xf32>
}

// CHECK-LABEL: func.func @output_channels
func.func @output_channels(%x: tensor<2x4x4x8xf32>, %dz: tensor<2x4x4x6xf32>, %y: tensor<2x4x4x6xf32>) {
  // The mask of the ReLU is for the backward only: the slice passes it.
  // CHECK-DAG: %[[Y:.*]] = stablehlo.slice %arg2 [0:2, 0:4, 0:4, 2:5]
  // CHECK-DAG: %[[DZ:.*]] = stablehlo.slice %arg1 [0:2, 0:4, 0:4, 2:5]
  // CHECK-DAG: %[[ZERO:.*]] = stablehlo.constant dense<0.000000e+00> : tensor<2x4x4x3xf32>
  // CHECK-DAG: %[[MASK:.*]] = stablehlo.compare GT, %[[Y]], %[[ZERO]]
  // CHECK-DAG: %[[DY:.*]] = stablehlo.select %[[MASK]], %[[DZ]], %[[ZERO]]
  // CHECK: "pock.conv_kernel_gradient"(%arg0, %[[DY]]) {{.*}} -> tensor<1x1x8x3xf32>
  // CHECK-NOT: 2x4x4x6
  // CHECK: return
  %zero = stablehlo.constant dense<0.0> : tensor<2x4x4x6xf32>
  %mask = stablehlo.compare GT, %y, %zero : (tensor<2x4x4x6xf32>, tensor<2x4x4x6xf32>) -> tensor<2x4x4x6xi1>
  %dy = stablehlo.select %mask, %dz, %zero : tensor<2x4x4x6xi1>, tensor<2x4x4x6xf32>
  %g = "pock.conv_kernel_gradient"(%x, %dy) {
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding_low = array<i64: 0, 0>,
      padding_high = array<i64: 0, 0>, groups = 1 : i64}
    : (tensor<2x4x4x8xf32>, tensor<2x4x4x6xf32>) -> tensor<1x1x8x6xf32>
  %part = stablehlo.slice %g [0:1, 0:1, 0:8, 2:5] : (tensor<1x1x8x6xf32>) -> tensor<1x1x8x3xf32>
  "pock.update"(%part) {parameter = @w, offsets = array<i64: 0, 0, 0, 2>, sizes = array<i64: 1, 1, 8, 3>}
    : (tensor<1x1x8x3xf32>) -> ()
  return
}
