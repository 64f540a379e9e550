// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss)' | filecheck %s

// Other functions stay as they are.

// CHECK-LABEL: func.func @other
// CHECK-NEXT: return %arg0 : tensor<2x3xf32>
func.func @other(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  return %x : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @train_step
// CHECK-LABEL: func.func @predict
func.func @forward(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  return %x : tensor<2x3xf32>
}
