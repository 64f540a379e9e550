// RUN: pock-opt %s --pass-pipeline='builtin.module(convolutions-to-nhwc)' | filecheck %s

// A convolution that has the layout already is left alone, and so are other transposes.

// CHECK: sym_name = "w"
// CHECK-NOT: layout
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<1x1x3x8xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<2x4x4x3xf32>, %a: tensor<2x3xf32>)
    -> (tensor<2x4x4x8xf32>, tensor<3x2xf32>) {
  // CHECK: stablehlo.convolution(%arg0, %{{.*}}) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]
  // CHECK: stablehlo.transpose %arg1, dims = [1, 0]
  // CHECK-NOT: stablehlo.transpose
  %w = "pock.read"() {parameter = @w} : () -> tensor<1x1x3x8xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x4x4x3xf32>, tensor<1x1x3x8xf32>) -> tensor<2x4x4x8xf32>
  %t = stablehlo.transpose %a, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %y, %t : tensor<2x4x4x8xf32>, tensor<3x2xf32>
}
