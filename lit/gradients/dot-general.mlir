// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The gradient by the activation comes first, and neither needs a transpose.

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<2x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<2x4xf32>) -> tensor<f32> {
  // CHECK: %[[V:.*]] = "pock.read"() {parameter = @v}
  // CHECK: %[[W:.*]] = "pock.read"() {parameter = @w}
  // CHECK: %[[DV:.*]] = stablehlo.dot_general %[[DY:.*]], %[[W]], contracting_dims = [1] x [1]
  // CHECK-NEXT: %[[DW:.*]] = stablehlo.dot_general %[[V]], %[[DY]], contracting_dims = [0] x [0]
  // CHECK-NEXT: "pock.update"(%[[DW]])
  // CHECK-NEXT: "pock.update"(%[[DV]])
  %v = "pock.read"() {parameter = @v} : () -> tensor<2x3xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3x4xf32>
  %y = stablehlo.dot_general %v, %w, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A weight of [out, in]: the operands of its gradient are swapped.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>, %dy: tensor<2x4xf32>) -> tensor<f32> {
  // CHECK: %[[DW:.*]] = stablehlo.dot_general %{{.*}}, %arg0, contracting_dims = [0] x [0] {{.*}} -> tensor<4x3xf32>
  // CHECK-NEXT: "pock.update"(%[[DW]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<4x3xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The same with the weight transposed first: its gradient is not computed and then transposed.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>, %dy: tensor<2x4xf32>) -> tensor<f32> {
  // CHECK: stablehlo.transpose
  // CHECK-NOT: stablehlo.transpose
  // CHECK: %[[DW:.*]] = stablehlo.dot_general %{{.*}}, %arg0, contracting_dims = [0] x [0] {{.*}} -> tensor<4x3xf32>
  // CHECK-NEXT: "pock.update"(%[[DW]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<4x3xf32>
  %t = stablehlo.transpose %w, dims = [1, 0] : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %y = stablehlo.dot_general %x, %t, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
