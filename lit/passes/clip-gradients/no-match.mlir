// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=1})' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients)' | filecheck %s

// Without an update there is no norm; without a bound nothing is clipped.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<4x3xf32>) {
  // CHECK-NEXT: return
  return
}
