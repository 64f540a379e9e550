// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The derivative of one special function is the next one.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: %[[Y:.*]] = chlo.lgamma %[[W]]
  // CHECK: chlo.digamma %[[Y]]
  // CHECK: %[[P:.*]] = chlo.polygamma %{{.*}}, %[[Y]]
  // CHECK: %[[D:.*]] = chlo.digamma %[[W]]
  // CHECK: %[[DW:.*]] = stablehlo.multiply %[[P]], %[[D]]
  // CHECK: "pock.update"(%[[DW]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = chlo.lgamma %w : tensor<f32> -> tensor<f32>
  %z = chlo.digamma %y : tensor<f32> -> tensor<f32>
  return %z : tensor<f32>
}
