// RUN: pock-opt %s --pass-pipeline='builtin.module(unroll-loops{limit=3})' | filecheck %s --check-prefix=LOOP
// RUN: pock-opt %s --pass-pipeline='builtin.module(unroll-loops{limit=4})' | filecheck %s --check-prefix=UNROLLED
// RUN: pock-opt %s --pass-pipeline='builtin.module(unroll-loops{budget=10})' | filecheck %s --check-prefix=LOOP

// LOOP: stablehlo.while
// UNROLLED-NOT: stablehlo.while
func.func @four(%x: tensor<f32>) -> tensor<f32> {
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %c4 = stablehlo.constant dense<4> : tensor<i32>
  %r:2 = stablehlo.while(%i = %c0, %a = %x) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c4 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %s = stablehlo.sine %a : tensor<f32>
    %j = stablehlo.add %i, %c1 : tensor<i32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  return %r#1 : tensor<f32>
}
