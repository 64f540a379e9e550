// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{copy=0 minimum=1})' | filecheck %s

// What would have to be arranged anew in each step is limited; a product as it lies is not.

// CHECK-LABEL: func.func @large
// CHECK-NOT: stablehlo.transpose
// CHECK: return
func.func @large(%x: tensor<512x384xf32>, %w: tensor<384x384xf32>) -> tensor<512x384xf32> {
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<512x384xf32>, tensor<384x384xf32>) -> tensor<512x384xf32>
  return %y : tensor<512x384xf32>
}
