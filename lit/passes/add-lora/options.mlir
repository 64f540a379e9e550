// RUN: pock-opt %s --split-input-file --pass-pipeline='builtin.module(add-lora{scheme=%S/Inputs/conv.toml})' | filecheck %s

// A kernel [3, 3, in, out] that its framework keeps as [out, in, 3, 3]: A has the kernel's window
// and is stored as the kernel is, B is pointwise. Where alpha is not given nothing is scaled.

// CHECK: layout = array<i64: 2, 3, 1, 0>, sym_name = "conv.lora_A.weight", type = tensor<3x3x4x2xf32>
// CHECK: sym_name = "conv.lora_B.weight", type = tensor<6x2xf32>
"pock.parameter"() {sym_name = "conv.weight", kind = "weight", layout = array<i64: 2, 3, 1, 0>,
                    type = tensor<3x3x4x6xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<1x8x8x4xf32>) -> tensor<1x4x4x6xf32> {
  %w = "pock.read"() {parameter = @conv.weight} : () -> tensor<3x3x4x6xf32>
  // CHECK: stablehlo.convolution{{.*}}stride = [2, 2]{{.*}} -> tensor<1x4x4x6xf32>
  // CHECK: stablehlo.convolution{{.*}}stride = [2, 2]{{.*}} -> tensor<1x4x4x2xf32>
  // CHECK-NOT: stablehlo.multiply
  // CHECK: stablehlo.dot_general {{.*}} contracting_dims = [3] x [1]
  // CHECK: stablehlo.add
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [2, 2], pad = [[0, 1], [0, 1]]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32>) -> tensor<1x4x4x6xf32>
  return %y : tensor<1x4x4x6xf32>
}

// -----

// The weight may be on the left, and contract its first dimension.

// CHECK: axis = 1 : i64, factor = "A"{{.*}}type = tensor<2x4xf32>
// CHECK: type = tensor<6x2xf32>
"pock.parameter"() {sym_name = "conv.weight", kind = "weight", type = tensor<4x6xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<5x4xf32>) -> tensor<6x5xf32> {
  %w = "pock.read"() {parameter = @conv.weight} : () -> tensor<4x6xf32>
  // CHECK: %[[H:.*]] = stablehlo.dot_general %{{.*}}, %arg0, contracting_dims = [1] x [1] : (tensor<2x4xf32>, tensor<5x4xf32>) -> tensor<2x5xf32>
  // CHECK: stablehlo.dot_general %{{.*}}, %[[H]], contracting_dims = [1] x [0] : (tensor<6x2xf32>, tensor<2x5xf32>) -> tensor<6x5xf32>
  %y = stablehlo.dot_general %w, %x, contracting_dims = [0] x [1]
    : (tensor<4x6xf32>, tensor<5x4xf32>) -> tensor<6x5xf32>
  return %y : tensor<6x5xf32>
}
