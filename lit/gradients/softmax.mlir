// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// No gradient flows through the maximum that a softmax subtracts: its result is the same with any.
// The gradient of the rest reads the result only: y * (dy - sum(dy * y)).

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK: %[[Y:.*]] = stablehlo.divide
  // CHECK: stablehlo.dot_general %[[Y]]
  // CHECK-NOT: stablehlo.compare
  // CHECK: stablehlo.multiply %{{.*}}, %[[Y]]
  // CHECK: %[[S:.*]] = stablehlo.subtract
  // CHECK-NEXT: %[[D:.*]] = stablehlo.multiply %[[Y]], %[[S]]
  // CHECK-NEXT: "pock.update"(%[[D]])
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x3xf32>
  %m = stablehlo.reduce(%w init: %low) applies stablehlo.maximum across dimensions = [1]
    : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %ms = stablehlo.broadcast_in_dim %m, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
  %s = stablehlo.subtract %w, %ms : tensor<2x3xf32>
  %e = stablehlo.exponential %s : tensor<2x3xf32>
  %z = stablehlo.reduce(%e init: %zero) applies stablehlo.add across dimensions = [1]
    : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %zs = stablehlo.broadcast_in_dim %z, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
  %y = stablehlo.divide %e, %zs : tensor<2x3xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The same for a batch of one, which the broadcasts leave out.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<1x2x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<1x2x3xf32>) -> tensor<f32> {
  // CHECK: stablehlo.dot_general
  // CHECK-NOT: stablehlo.compare
  // CHECK: "pock.update"
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<1x2x3xf32>
  %m = stablehlo.reduce(%w init: %low) applies stablehlo.maximum across dimensions = [2]
    : (tensor<1x2x3xf32>, tensor<f32>) -> tensor<1x2xf32>
  %mr = stablehlo.reshape %m : (tensor<1x2xf32>) -> tensor<2xf32>
  %ms = stablehlo.broadcast_in_dim %mr, dims = [1] : (tensor<2xf32>) -> tensor<1x2x3xf32>
  %s = stablehlo.subtract %w, %ms : tensor<1x2x3xf32>
  %e = stablehlo.exponential %s : tensor<1x2x3xf32>
  %z = stablehlo.reduce(%e init: %zero) applies stablehlo.add across dimensions = [2]
    : (tensor<1x2x3xf32>, tensor<f32>) -> tensor<1x2xf32>
  %zr = stablehlo.reshape %z : (tensor<1x2xf32>) -> tensor<2xf32>
  %zs = stablehlo.broadcast_in_dim %zr, dims = [1] : (tensor<2xf32>) -> tensor<1x2x3xf32>
  %y = stablehlo.divide %e, %zs : tensor<1x2x3xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0, 1, 2] x [0, 1, 2]
    : (tensor<1x2x3xf32>, tensor<1x2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Where the shifted exponentials are used otherwise, it does.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK: stablehlo.compare EQ
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x3xf32>
  %m = stablehlo.reduce(%w init: %low) applies stablehlo.maximum across dimensions = [1]
    : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %ms = stablehlo.broadcast_in_dim %m, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
  %s = stablehlo.subtract %w, %ms : tensor<2x3xf32>
  %e = stablehlo.exponential %s : tensor<2x3xf32>
  %loss = stablehlo.dot_general %e, %x, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Exponentials from outside of a region get their gradient by the rules of the ops: the region gives
// gradients by what it captures only.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>, %p: tensor<i1>) -> tensor<f32> {
  // CHECK: stablehlo.if
  // CHECK: stablehlo.if
  // CHECK: stablehlo.divide
  // CHECK: stablehlo.return
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x3xf32>
  %e = stablehlo.exponential %w : tensor<2x3xf32>
  %y = "stablehlo.if"(%p) ({
    %z = stablehlo.reduce(%e init: %zero) applies stablehlo.add across dimensions = [1]
      : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
    %zs = stablehlo.broadcast_in_dim %z, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
    %d = stablehlo.divide %e, %zs : tensor<2x3xf32>
    stablehlo.return %d : tensor<2x3xf32>
  }, {
    stablehlo.return %x : tensor<2x3xf32>
  }) : (tensor<i1>) -> tensor<2x3xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
