// RUN: pock-opt %s --pass-pipeline='builtin.module(unroll-loops)' | filecheck %s

// A loop that ends when it may is left as it is.

// CHECK: stablehlo.while
// CHECK: stablehlo.sine
// CHECK-NOT: stablehlo.sine
func.func @until_given(%x: tensor<f32>, %n: tensor<i32>) -> tensor<f32> {
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %r:2 = stablehlo.while(%i = %c0, %a = %x) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %s = stablehlo.sine %a : tensor<f32>
    %j = stablehlo.add %i, %c1 : tensor<i32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  return %r#1 : tensor<f32>
}
