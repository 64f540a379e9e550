// RUN: pock-opt %s --pass-pipeline='builtin.module(add-lora{scheme=full})' | filecheck %s

// A scheme without lora rules changes nothing.

// CHECK-COUNT-1: pock.parameter
// CHECK-NOT: adapter
// CHECK-COUNT-1: stablehlo.dot_general
// CHECK-NOT: stablehlo.dot_general
"pock.parameter"() {sym_name = "fc.weight", kind = "weight", type = tensor<6x8xf32>} : () -> ()

func.func @forward(%x: tensor<5x8xf32>) -> tensor<5x6xf32> {
  %w = "pock.read"() {parameter = @fc.weight} : () -> tensor<6x8xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<5x8xf32>, tensor<6x8xf32>) -> tensor<5x6xf32>
  return %y : tensor<5x6xf32>
}
