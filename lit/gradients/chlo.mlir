// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' | filecheck %s

// erf stays an op, so that its derivative is an exponential and not that of a rational function.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: chlo.erf %[[W]]
  // CHECK: %[[S:.*]] = stablehlo.multiply %[[W]], %[[W]]
  // CHECK: %[[N:.*]] = stablehlo.negate %[[S]]
  // CHECK: %[[E:.*]] = stablehlo.exponential %[[N]]
  // CHECK: %[[C:.*]] = stablehlo.constant dense<1.128
  // CHECK: %[[D:.*]] = stablehlo.multiply %[[C]], %[[E]]
  // CHECK: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = chlo.erf %w : tensor<f32> -> tensor<f32>
  return %y : tensor<f32>
}
