// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-constants)' | filecheck %s

// A broadcast of different elements would only grow; division of integers is left to its users.

// CHECK-LABEL: func.func @stays
func.func @stays(%x: tensor<2xf32>) -> (tensor<4x2xf32>, tensor<2xi32>, tensor<2xf32>) {
  // CHECK-DAG: stablehlo.broadcast_in_dim
  // CHECK-DAG: stablehlo.divide
  // CHECK-DAG: stablehlo.add
  %a = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %wide = stablehlo.broadcast_in_dim %a, dims = [1] : (tensor<2xf32>) -> tensor<4x2xf32>
  %i = stablehlo.constant dense<[1, 2]> : tensor<2xi32>
  %q = stablehlo.divide %i, %i : tensor<2xi32>
  %sum = stablehlo.add %x, %a : tensor<2xf32>
  return %wide, %q, %sum : tensor<4x2xf32>, tensor<2xi32>, tensor<2xf32>
}
