// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// Ops that are short for others are replaced by those where a gradient flows through them.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: %[[S:.*]] = stablehlo.broadcast_in_dim %[[W]], dims = [1]
  // CHECK: stablehlo.multiply %[[S]], %arg0
  // CHECK-NOT: chlo.broadcast_multiply
  // CHECK: stablehlo.reduce({{.*}} applies stablehlo.add across dimensions = [0]
  // CHECK: "pock.update"
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  %y = chlo.broadcast_multiply %w, %x : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %loss = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0, 1]
    : (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Elsewhere they stay.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<1xf32>, %z: tensor<f32>) -> tensor<f32> {
  // CHECK: stablehlo.dot %arg0, %arg0
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %s = stablehlo.dot %x, %x : (tensor<1xf32>, tensor<1xf32>) -> tensor<f32>
  %y = stablehlo.multiply %s, %w : tensor<f32>
  return %y : tensor<f32>
}

// -----

// A reduction by any region becomes a tree of elementwise ops: 3 numbers are 1 pair and one more.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK-NOT: stablehlo.reduce
  // CHECK-COUNT-3: stablehlo.atan2
  // CHECK: "pock.update"
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  %y = "stablehlo.reduce"(%w, %zero) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.atan2 %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {dimensions = array<i64: 0>} : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// Batch normalisation becomes the arithmetic that it stands for.

"pock.parameter"() {sym_name = "s", kind = "weight", type = tensor<2xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<3x2xf32>, %o: tensor<2xf32>, %dy: tensor<3x2xf32>) -> tensor<f32> {
  // CHECK-NOT: batch_norm_training
  // CHECK: stablehlo.rsqrt
  // CHECK: "pock.update"
  %s = "pock.read"() {parameter = @s} : () -> tensor<2xf32>
  %y, %mean, %variance = "stablehlo.batch_norm_training"(%x, %s, %o)
      {epsilon = 0.1 : f32, feature_index = 1 : i64}
    : (tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>)
    -> (tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>)
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
