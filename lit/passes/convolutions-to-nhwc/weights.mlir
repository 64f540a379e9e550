// RUN: pock-opt %s --pass-pipeline='builtin.module(convolutions-to-nhwc)' | filecheck %s

// A weight that is read in two layouts, or written, is stored as it was.

// CHECK: sym_name = "used", type = tensor<8x3x1x1xf32>
"pock.parameter"() {sym_name = "used", kind = "weight", type = tensor<8x3x1x1xf32>} : () -> ()
// CHECK: sym_name = "written", type = tensor<8x3x1x1xf32>
"pock.parameter"() {sym_name = "written", kind = "weight", type = tensor<8x3x1x1xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<2x3x4x4xf32>)
    -> (tensor<2x8x4x4xf32>, tensor<2x8x4x4xf32>, tensor<8x3x1x1xf32>) {
  // CHECK-COUNT-3: stablehlo.transpose
  %u = "pock.read"() {parameter = @used} : () -> tensor<8x3x1x1xf32>
  %w = "pock.read"() {parameter = @written} : () -> tensor<8x3x1x1xf32>
  %y = stablehlo.convolution(%x, %u) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1],
    window = {} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<2x8x4x4xf32>
  %z = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1],
    window = {} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<2x8x4x4xf32>
  "pock.assign"(%w) {parameter = @written} : (tensor<8x3x1x1xf32>) -> ()
  return %y, %z, %u : tensor<2x8x4x4xf32>, tensor<2x8x4x4xf32>, tensor<8x3x1x1xf32>
}
