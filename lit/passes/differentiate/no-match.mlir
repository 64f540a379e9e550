// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' | filecheck %s

// A weight that does not reach the loss has no update; what is not on a path from a weight to the
// loss needs no rule, and no gradient is computed for it.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "unused", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "floored", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "buffer", kind = "buffer", type = tensor<f32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: %[[OTHER:.*]] = stablehlo.custom_call @f
  // CHECK: %[[LOSS:.*]] = stablehlo.multiply
  // CHECK-NOT: stablehlo
  // CHECK: "pock.update"(%[[OTHER]]) {{.*}}@w
  // CHECK-NEXT: return %[[LOSS]]
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %unused = "pock.read"() {parameter = @unused} : () -> tensor<f32>
  %1 = stablehlo.custom_call @g(%unused) : (tensor<f32>) -> tensor<f32>
  %floored = "pock.read"() {parameter = @floored} : () -> tensor<f32>
  %2 = stablehlo.floor %floored : tensor<f32>
  %buffer = "pock.read"() {parameter = @buffer} : () -> tensor<f32>
  %3 = stablehlo.custom_call @f(%x, %buffer, %2) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
  %y = stablehlo.multiply %w, %3 : tensor<f32>
  return %y : tensor<f32>
}
