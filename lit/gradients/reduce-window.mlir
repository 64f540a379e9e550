// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// Windows side by side: each gradient is repeated over its window; the rest gets zeros.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x5xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x2xf32>) -> tensor<f32> {
  // CHECK: %[[R:.*]] = stablehlo.broadcast_in_dim {{.*}} dims = [0, 1] : (tensor<2x2xf32>) -> tensor<2x2x2xf32>
  // CHECK: %[[S:.*]] = stablehlo.reshape %[[R]] : (tensor<2x2x2xf32>) -> tensor<2x4xf32>
  // CHECK: stablehlo.pad %[[S]], {{.*}} high = [0, 1]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x5xf32>
  %y = "stablehlo.reduce_window"(%w, %zero) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 1, 2>, window_strides = array<i64: 1, 2>}
    : (tensor<2x5xf32>, tensor<f32>) -> tensor<2x2xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Overlapping sums: strides become dilations of the gradient, padding its complement.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<3xf32>) -> tensor<f32> {
  // CHECK: %[[P:.*]] = stablehlo.pad %{{.*}}, low = [1], high = [1], interior = [1]
  // CHECK: "stablehlo.reduce_window"(%[[P]], {{.*}}window_dimensions = array<i64: 3>
  // CHECK: stablehlo.add
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<5xf32>
  %y = "stablehlo.reduce_window"(%w, %zero) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 3>, window_strides = array<i64: 2>, padding = dense<1> : tensor<1x2xi64>}
    : (tensor<5xf32>, tensor<f32>) -> tensor<3xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Max-pooling has an op of its own.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<3xf32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: %[[Y:.*]] = "stablehlo.reduce_window"(%[[W]]
  // CHECK: "pock.max_pool_gradient"(%[[W]], %[[Y]], %{{.*}}) {padding_high = array<i64: 1>, padding_low = array<i64: 1>, window_dimensions = array<i64: 3>, window_strides = array<i64: 2>}
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<5xf32>
  %y = "stablehlo.reduce_window"(%w, %low) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.maximum %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 3>, window_strides = array<i64: 2>, padding = dense<1> : tensor<1x2xi64>}
    : (tensor<5xf32>, tensor<f32>) -> tensor<3xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
