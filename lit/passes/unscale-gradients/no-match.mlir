// RUN: pock-opt %s --pass-pipeline='builtin.module(unscale-gradients)' | filecheck %s

// Nothing is trained: nothing is done.

// CHECK-LABEL: func.func @predict
// CHECK-NEXT: return %arg0
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
