// RUN: pock-opt %s --pass-pipeline='builtin.module(convolutions-to-nhwc)' | filecheck %s

// The weight is stored as HWIO. The image is transposed on entry; the result needs no transpose,
// since the layout has spread up to the sum over the places.

// CHECK: layout = array<i64: 2, 3, 1, 0>, sym_name = "w", type = tensor<3x3x3x8xf32>
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x3x3x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<8xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<2x3x8x8xf32>) -> tensor<2x8xf32> {
  // CHECK-DAG: %[[W:.*]] = "pock.read"() {parameter = @w} : () -> tensor<3x3x3x8xf32>
  // CHECK-DAG: %[[B:.*]] = "pock.read"() {parameter = @b}
  // CHECK-DAG: %[[X:.*]] = stablehlo.transpose %arg0, dims = [0, 2, 3, 1]
  // CHECK: %[[Y:.*]] = stablehlo.convolution(%[[X]], %[[W]])
  // CHECK-SAME: [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]
  // CHECK: stablehlo.broadcast_in_dim %[[B]], dims = [3]
  // CHECK: stablehlo.maximum {{.*}} tensor<2x4x4x8xf32>
  // CHECK-NOT: stablehlo.transpose
  // CHECK: stablehlo.reduce{{.*}} dimensions = [1, 2]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %zeros = stablehlo.constant dense<0.0> : tensor<2x8x4x4xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<8x3x3x3xf32>
  %b = "pock.read"() {parameter = @b} : () -> tensor<8xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1],
    window = {stride = [2, 2], pad = [[0, 1], [0, 1]]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x3x8x8xf32>, tensor<8x3x3x3xf32>) -> tensor<2x8x4x4xf32>
  %c = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<8xf32>) -> tensor<2x8x4x4xf32>
  %z = stablehlo.add %y, %c : tensor<2x8x4x4xf32>
  %r = stablehlo.maximum %z, %zeros : tensor<2x8x4x4xf32>
  %s = stablehlo.reduce(%r init: %zero) applies stablehlo.add across dimensions = [2, 3]
    : (tensor<2x8x4x4xf32>, tensor<f32>) -> tensor<2x8xf32>
  return %s : tensor<2x8xf32>
}
