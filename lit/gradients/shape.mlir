// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// A broadcast sums over what it added (0) and stretched (2).

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x1xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3x4xf32>) -> tensor<f32> {
  // CHECK: %[[S:.*]] = stablehlo.reduce({{.*}}) applies stablehlo.add across dimensions = [0, 2]
  // CHECK: %[[D:.*]] = stablehlo.reshape %[[S]] : (tensor<3xf32>) -> tensor<3x1xf32>
  // CHECK: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<3x1xf32>
  %b = stablehlo.broadcast_in_dim %w, dims = [1, 2] : (tensor<3x1xf32>) -> tensor<2x3x4xf32>
  %loss = stablehlo.dot_general %b, %x, contracting_dims = [0, 1, 2] x [0, 1, 2]
    : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A padding is cut off, what a negative one cropped comes back as zeros.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<10xf32>) -> tensor<f32> {
  // CHECK: stablehlo.dot_general
  // CHECK: %[[P:.*]] = stablehlo.pad %{{.*}}, low = [0], high = [1], interior = [0]
  // CHECK: %[[D:.*]] = stablehlo.slice %[[P]] [2:11:2]
  // CHECK: "pock.update"(%[[D]])
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<5xf32>
  %p = stablehlo.pad %w, %zero, low = [2], high = [-1], interior = [1]
    : (tensor<5xf32>, tensor<f32>) -> tensor<10xf32>
  %loss = stablehlo.dot_general %p, %x, contracting_dims = [0] x [0]
    : (tensor<10xf32>, tensor<10xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The slices of a concatenation, the padding of a slice.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<5xf32>) -> tensor<f32> {
  // CHECK: %[[A:.*]] = stablehlo.slice %{{.*}} [0:3]
  // CHECK: %[[B:.*]] = stablehlo.slice %{{.*}} [3:5]
  // CHECK: %[[DB:.*]] = stablehlo.pad %[[B]], {{.*}}, low = [0], high = [1], interior = [1]
  // CHECK: %[[DA:.*]] = stablehlo.pad %[[A]], {{.*}}, low = [1], high = [0], interior = [0]
  // CHECK: %[[D:.*]] = stablehlo.add %[[DB]], %[[DA]]
  // CHECK: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %a = stablehlo.slice %w [1:4] : (tensor<4xf32>) -> tensor<3xf32>
  %b = stablehlo.slice %w [0:4:2] : (tensor<4xf32>) -> tensor<2xf32>
  %c = stablehlo.concatenate %a, %b, dim = 0 : (tensor<3xf32>, tensor<2xf32>) -> tensor<5xf32>
  %loss = stablehlo.dot_general %c, %x, contracting_dims = [0] x [0]
    : (tensor<5xf32>, tensor<5xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
