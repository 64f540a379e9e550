// RUN: pock-opt %s --pass-pipeline='builtin.module(schedule-learning-rate{warmup=3})' | filecheck %s

// What does not train counts no updates.

// CHECK-NOT: optimizer.step
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @predict
func.func @predict(%h: tensor<4xf32>) -> tensor<4xf32> {
  return %h : tensor<4xf32>
}
