// RUN: pock-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(add-lora{scheme=%S/Inputs/lora.toml})'

// Every use that is no contraction is reported.

"pock.parameter"() {sym_name = "fc.weight", kind = "weight", type = tensor<6x8xf32>} : () -> ()

func.func @forward(%x: tensor<6x8xf32>, %v: tensor<5x6x8xf32>) -> (tensor<6x8xf32>, tensor<5x6xf32>) {
  %w = "pock.read"() {parameter = @fc.weight} : () -> tensor<6x8xf32>
  // expected-error @+1 {{lora cannot adapt @fc.weight here: it must be an operand of a dot_general}}
  %y = stablehlo.add %x, %w : tensor<6x8xf32>
  // expected-error @+1 {{lora cannot adapt @fc.weight here}}
  %z = stablehlo.dot_general %v, %w, batching_dims = [1] x [0], contracting_dims = [2] x [1]
    : (tensor<5x6x8xf32>, tensor<6x8xf32>) -> tensor<6x5xf32>
  %t = stablehlo.transpose %z, dims = [1, 0] : (tensor<6x5xf32>) -> tensor<5x6xf32>
  return %y, %t : tensor<6x8xf32>, tensor<5x6xf32>
}

// -----

"pock.parameter"() {sym_name = "fc.weight", kind = "weight", type = tensor<8x8xf32>} : () -> ()

func.func @forward(%x: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %w = "pock.read"() {parameter = @fc.weight} : () -> tensor<8x8xf32>
  // expected-error @+1 {{its uses contract different dimensions}}
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  %z = stablehlo.dot_general %y, %w, contracting_dims = [1] x [0]
    : (tensor<5x8xf32>, tensor<8x8xf32>) -> tensor<5x8xf32>
  return %z : tensor<5x8xf32>
}
