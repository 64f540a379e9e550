// RUN: pock-opt %s --pass-pipeline='builtin.module(reorder)' -o %t
// RUN: pock-opt %t --pass-pipeline='builtin.module(reorder)' | filecheck %s
// RUN: not pock-opt %s --pass-pipeline='builtin.module(reorder{budget=1})' 2>&1 | filecheck %s --check-prefix=UNKNOWN

// The pass has no options. Running it again changes nothing.

// UNKNOWN: reorder
// UNKNOWN-SAME: budget

// CHECK-LABEL: func.func @f
func.func @f(%x: tensor<64x64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  // CHECK: %[[A:.*]] = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [0]
  // CHECK: stablehlo.reduce(%[[A]]
  // CHECK: %[[B:.*]] = stablehlo.dot_general %arg0, %arg0, contracting_dims = [0] x [0]
  // CHECK: stablehlo.reduce(%[[B]]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %a = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0]
    : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %b = stablehlo.dot_general %x, %x, contracting_dims = [0] x [0]
    : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %c = stablehlo.reduce(%a init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  %d = stablehlo.reduce(%b init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  return %c, %d : tensor<64xf32>, tensor<64xf32>
}
