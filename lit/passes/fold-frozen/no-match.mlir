// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=%S/Inputs/bias.toml})' | filecheck %s

// A plain read is no expression, and neither are constants.

// CHECK-NOT: folded
// CHECK-NOT: @fold
"pock.parameter"() {sym_name = "scale", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "bias", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: stablehlo.multiply
  // CHECK: stablehlo.negate
  %scale = "pock.read"() {parameter = @scale} : () -> tensor<4xf32>
  %two = stablehlo.constant dense<2.0> : tensor<4xf32>
  %y = stablehlo.multiply %x, %scale : tensor<4xf32>
  %n = stablehlo.negate %two : tensor<4xf32>
  %z = stablehlo.add %y, %n : tensor<4xf32>
  return %z : tensor<4xf32>
}
