// RUN: pock-opt %s --pass-pipeline='builtin.module(split-reductions)' | filecheck %s

// 8192 x 8 elements are worth a stage, 1024 x 8 are not any more.

// CHECK-LABEL: func.func @bias
func.func @bias(%x: tensor<2x64x64x8xf32>) -> tensor<8xf32> {
  // CHECK: stablehlo.reshape %arg0 : (tensor<2x64x64x8xf32>) -> tensor<8x8192xf32>
  // CHECK: stablehlo.reduce({{.*}}) applies stablehlo.add across dimensions = [0] : (tensor<8x8192xf32>, tensor<f32>) -> tensor<8192xf32>
  // CHECK: stablehlo.reshape {{.*}} -> tensor<1024x8xf32>
  // CHECK: stablehlo.reduce({{.*}}) applies stablehlo.add across dimensions = [0] : (tensor<1024x8xf32>, tensor<f32>) -> tensor<8xf32>
  // CHECK-NOT: stablehlo.reduce
  // CHECK: return
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %sum = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0, 1, 2]
    : (tensor<2x64x64x8xf32>, tensor<f32>) -> tensor<8xf32>
  return %sum : tensor<8xf32>
}
