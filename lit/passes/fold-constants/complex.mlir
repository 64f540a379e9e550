// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-constants)' | filecheck %s

// Complex numbers are left as they are, and what becomes of them.

// CHECK-LABEL: func.func @stays
func.func @stays() -> (tensor<2xcomplex<f32>>, tensor<2xcomplex<f32>>, tensor<2xf32>) {
  // CHECK-DAG: stablehlo.convert {{.*}} -> tensor<2xcomplex<f32>>
  // CHECK-DAG: stablehlo.multiply {{.*}} : tensor<2xcomplex<f32>>
  // CHECK-DAG: stablehlo.abs
  %a = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %z = stablehlo.constant dense<(1.0, 2.0)> : tensor<2xcomplex<f32>>
  %c = stablehlo.convert %a : (tensor<2xf32>) -> tensor<2xcomplex<f32>>
  %p = stablehlo.multiply %z, %z : tensor<2xcomplex<f32>>
  %r = stablehlo.abs %z : (tensor<2xcomplex<f32>>) -> tensor<2xf32>
  return %c, %p, %r : tensor<2xcomplex<f32>>, tensor<2xcomplex<f32>>, tensor<2xf32>
}
