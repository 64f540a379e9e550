// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=%S/Inputs/bias.toml})' | filecheck %s --check-prefix=FROZEN
// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen)' | filecheck %s --check-prefix=TRAINED

// What grows is folded up to where it grows; what two functions compute is folded once; what depends
// on a trained weight or on an assigned buffer is not folded.

"pock.parameter"() {sym_name = "scale", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "bias", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<4xf32>} : () -> ()

// FROZEN:       sym_name = "folded.value"
// FROZEN-NOT:   sym_name = "folded
// FROZEN-LABEL: func.func @forward
// FROZEN:       "pock.read"() {parameter = @folded.value}
// FROZEN:       stablehlo.broadcast_in_dim
// FROZEN:       stablehlo.negate
// FROZEN-LABEL: func.func @predict
// FROZEN:       "pock.read"() {parameter = @folded.value}
// FROZEN-LABEL: func.func private @fold
// FROZEN:       stablehlo.exponential

// TRAINED-NOT: folded
// TRAINED-NOT: @fold
func.func @forward(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<4xf32>) {
  %scale = "pock.read"() {parameter = @scale} : () -> tensor<4xf32>
  %mean = "pock.read"() {parameter = @mean} : () -> tensor<4xf32>
  %e = stablehlo.exponential %scale : tensor<4xf32>
  %b = stablehlo.broadcast_in_dim %e, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>
  %y = stablehlo.multiply %x, %b : tensor<2x4xf32>
  %n = stablehlo.negate %mean : tensor<4xf32>
  "pock.assign"(%n) {parameter = @mean} : (tensor<4xf32>) -> ()
  return %y, %n : tensor<2x4xf32>, tensor<4xf32>
}

func.func @predict(%x: tensor<4xf32>) -> tensor<4xf32> {
  %scale = "pock.read"() {parameter = @scale} : () -> tensor<4xf32>
  %e = stablehlo.exponential %scale : tensor<4xf32>
  %y = stablehlo.multiply %x, %e : tensor<4xf32>
  return %y : tensor<4xf32>
}
