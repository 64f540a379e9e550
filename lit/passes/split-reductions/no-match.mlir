// RUN: pock-opt %s --pass-pipeline='builtin.module(split-reductions{minimum=64})' | filecheck %s

// Not of leading dimensions, not a sum, not of a multiple of 8 rows, already short, too small: each
// reduction stays as it is.

// CHECK-NOT: stablehlo.reshape
// CHECK-COUNT-5: stablehlo.reduce({{.*}}
func.func @others(%x: tensor<64x64xf32>, %y: tensor<63x64xf32>, %z: tensor<8x64xf32>, %v: tensor<16x2xf32>)
    -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<2xf32>) {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %0 = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [1]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  %1 = stablehlo.reduce(%x init: %zero) applies stablehlo.maximum across dimensions = [0]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  %2 = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<63x64xf32>, tensor<f32>) -> tensor<64xf32>
  %3 = stablehlo.reduce(%z init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<8x64xf32>, tensor<f32>) -> tensor<64xf32>
  %4 = stablehlo.reduce(%v init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<16x2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<2xf32>
}
