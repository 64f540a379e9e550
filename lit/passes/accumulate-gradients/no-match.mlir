// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients)' | filecheck %s

// Without an update there is nothing to accumulate.

// CHECK-NOT: accumulate_step
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()

func.func @train_step(%g: tensor<4x3xf32>) {
  return
}
