// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-constants)' | filecheck %s

// CHECK-LABEL: func.func @conversion
func.func @conversion() -> tensor<8xf32> {
  // CHECK: %[[C:.*]] = stablehlo.constant dense<2.000000e+00> : tensor<8xf32>
  // CHECK-NEXT: return %[[C]]
  %c = arith.constant dense<2> : tensor<1xi64>
  %f = stablehlo.convert %c : (tensor<1xi64>) -> tensor<1xf32>
  %r = stablehlo.reshape %f : (tensor<1xf32>) -> tensor<f32>
  %y = stablehlo.broadcast_in_dim %r, dims = [] : (tensor<f32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// Arithmetic is done in the element type; a result of equal elements is a splat.

// CHECK-LABEL: func.func @arithmetic
func.func @arithmetic() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xi1>) {
  // CHECK-DAG: %[[SUM:.*]] = stablehlo.constant dense<[2.500000e+00, 5.500000e+00]> : tensor<2xf32>
  // CHECK-DAG: %[[RSQRT:.*]] = stablehlo.constant dense<5.000000e-01> : tensor<2xf32>
  // CHECK-DAG: %[[LESS:.*]] = stablehlo.constant dense<[false, true]> : tensor<2xi1>
  // CHECK-NEXT: return %[[SUM]], %[[RSQRT]], %[[LESS]]
  %a = stablehlo.constant dense<[1.0, 4.0]> : tensor<2xf32>
  %b = stablehlo.constant dense<1.5> : tensor<2xf32>
  %sum = stablehlo.add %a, %b : tensor<2xf32>
  %four = stablehlo.constant dense<4.0> : tensor<2xf32>
  %rsqrt = stablehlo.rsqrt %four : tensor<2xf32>
  %less = stablehlo.compare LT, %b, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  return %sum, %rsqrt, %less : tensor<2xf32>, tensor<2xf32>, tensor<2xi1>
}

// CHECK-LABEL: func.func @transpose
func.func @transpose() -> tensor<3x1xf32> {
  // CHECK: stablehlo.constant dense<{{\[\[}}1.000000e+00], [2.000000e+00], [3.000000e+00]]>
  %a = stablehlo.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %t = stablehlo.transpose %a, dims = [1, 0] : (tensor<1x3xf32>) -> tensor<3x1xf32>
  return %t : tensor<3x1xf32>
}
