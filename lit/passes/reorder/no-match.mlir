// RUN: pock-opt %s --pass-pipeline='builtin.module(reorder)' | filecheck %s

// Nothing to gain: the order stays, in every function.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x4xf32>} : () -> ()

// CHECK-LABEL: func.func @chain
func.func @chain(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK-NEXT: "pock.read"
  // CHECK-NEXT: stablehlo.dot_general
  // CHECK-NEXT: stablehlo.tanh
  // CHECK-NEXT: stablehlo.dot_general
  // CHECK-NEXT: return
  %w = "pock.read"() {parameter = @w} : () -> tensor<4x4xf32>
  %a = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %b = stablehlo.tanh %a : tensor<2x4xf32>
  %c = stablehlo.dot_general %b, %w, contracting_dims = [1] x [1]
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %c : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @empty
func.func @empty(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK-NEXT: return %arg0
  return %x : tensor<2x4xf32>
}
