// RUN: pock-opt %s --pass-pipeline='builtin.module(scale-loss)' --split-input-file --verify-diagnostics

// expected-error @below {{scale-loss needs a @train_step; add-loss makes one}}
module {}

// -----

// expected-error @+1 {{the name of this parameter is wanted for the state of the optimizer}}
"pock.parameter"() {sym_name = "loss_scale.exponent", type = tensor<f32>, kind = "weight"} : () -> ()
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
