// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%labels: tensor<2xi32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: %[[ONE:.*]] = stablehlo.constant dense<1.0
  // CHECK: %[[D:.*]] = "pock.softmax_cross_entropy_gradient"(%[[W]], %arg0, %[[ONE]])
  // CHECK: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x4xf32>
  %loss = "pock.softmax_cross_entropy"(%w, %labels) : (tensor<2x4xf32>, tensor<2xi32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The gradient has the options of the loss.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x2x3xbf16>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%labels: tensor<2x3xi32>) -> tensor<f32> {
  // CHECK: "pock.softmax_cross_entropy_gradient"
  // CHECK-SAME: class_weights = array<f64: 1.000000e+00, 5.000000e-01>, dimension = 1 : i64, ignore_index = -1 : i64, label_smoothing = 1.000000e-01
  // CHECK-SAME: tensor<f32>) -> tensor<2x2x3xbf16>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x2x3xbf16>
  %loss = "pock.softmax_cross_entropy"(%w, %labels) {dimension = 1, ignore_index = -1, class_weights = array<f64: 1.0, 0.5>, label_smoothing = 0.1} : (tensor<2x2x3xbf16>, tensor<2x3xi32>) -> tensor<f32>
  return %loss : tensor<f32>
}
