// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=head only=arrangements})' | filecheck %s

// Frozen weights are kept in every arrangement that something reads, also beside themselves. What is
// trained stays, and so does all other arithmetic.

"pock.parameter"() {sym_name = "one", kind = "buffer", type = tensor<8x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "two", kind = "buffer", type = tensor<8x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "head.weight", kind = "weight", type = tensor<8x4xf32>} : () -> ()

// CHECK-COUNT-2: sym_name = "folded.value
// CHECK-NOT: sym_name = "folded
// CHECK-LABEL: func.func @train_step
// CHECK: "pock.read"() {parameter = @folded.value} : () -> tensor<4x8xf32>
// CHECK: "pock.read"() {parameter = @two}
// CHECK: "pock.read"() {parameter = @folded.value.1} : () -> tensor<4x8xf32>
// CHECK: "pock.read"() {parameter = @head.weight}
// CHECK-LABEL: func.func @predict
// CHECK: "pock.read"() {parameter = @folded.value}
// CHECK-NOT: stablehlo.transpose
// CHECK: stablehlo.negate
// CHECK-LABEL: func.func private @fold
func.func @train_step() -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x4xf32>, tensor<4x8xf32>) {
  %a = "pock.read"() {parameter = @one} : () -> tensor<8x4xf32>
  %0 = stablehlo.transpose %a, dims = [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %b = "pock.read"() {parameter = @two} : () -> tensor<8x4xf32>
  %1 = stablehlo.transpose %b, dims = [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %c = "pock.read"() {parameter = @head.weight} : () -> tensor<8x4xf32>
  %2 = stablehlo.transpose %c, dims = [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %n = stablehlo.negate %0 : tensor<4x8xf32>
  %m = stablehlo.negate %1 : tensor<4x8xf32>
  %k = stablehlo.negate %b : tensor<8x4xf32>
  %t = stablehlo.negate %2 : tensor<4x8xf32>
  return %n, %m, %k, %t : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x4xf32>, tensor<4x8xf32>
}

func.func @predict() -> tensor<4x8xf32> {
  %a = "pock.read"() {parameter = @one} : () -> tensor<8x4xf32>
  %0 = stablehlo.transpose %a, dims = [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %n = stablehlo.negate %0 : tensor<4x8xf32>
  return %n : tensor<4x8xf32>
}
