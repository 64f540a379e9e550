// RUN: pock-opt %s --pass-pipeline='builtin.module(expand-bf16)' | filecheck %s

// Other conversions stay as they are.

// CHECK-LABEL: func.func @others
// CHECK-NEXT: stablehlo.convert %arg0 : (tensor<4xf32>) -> tensor<4xf16>
// CHECK-NEXT: stablehlo.convert %arg1 : (tensor<4xbf16>) -> tensor<4xf32>
// CHECK-NEXT: return
func.func @others(%x: tensor<4xf32>, %y: tensor<4xbf16>) -> (tensor<4xf16>, tensor<4xf32>) {
  %a = stablehlo.convert %x : (tensor<4xf32>) -> tensor<4xf16>
  %b = stablehlo.convert %y : (tensor<4xbf16>) -> tensor<4xf32>
  return %a, %b : tensor<4xf16>, tensor<4xf32>
}
