// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' | filecheck %s

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
