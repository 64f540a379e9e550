// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-constants{limit=2})' | filecheck %s

// Three elements are more than the limit, unless they are all the same.

// CHECK-LABEL: func.func @large
func.func @large() -> (tensor<3xf32>, tensor<3xf32>) {
  // CHECK: stablehlo.negate
  // CHECK-NOT: stablehlo.negate
  // CHECK: return
  %a = stablehlo.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %b = stablehlo.constant dense<1.0> : tensor<3xf32>
  %x = stablehlo.negate %a : tensor<3xf32>
  %y = stablehlo.negate %b : tensor<3xf32>
  return %x, %y : tensor<3xf32>, tensor<3xf32>
}
