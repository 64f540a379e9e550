// RUN: pock-opt %s --pass-pipeline='builtin.module(split-reductions{factor=4 minimum=64})' | filecheck %s

// CHECK-LABEL: func.func @stages
func.func @stages(%x: tensor<64x2xf32>) -> tensor<2xf32> {
  // CHECK: (tensor<64x2xf32>) -> tensor<4x32xf32>
  // CHECK: across dimensions = [0] : (tensor<4x32xf32>, tensor<f32>) -> tensor<32xf32>
  // CHECK: (tensor<32xf32>) -> tensor<16x2xf32>
  // CHECK: across dimensions = [0] : (tensor<16x2xf32>, tensor<f32>) -> tensor<2xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %sum = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<64x2xf32>, tensor<f32>) -> tensor<2xf32>
  return %sum : tensor<2xf32>
}
