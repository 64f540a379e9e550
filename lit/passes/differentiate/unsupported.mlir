// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --verify-diagnostics

// Why there is no rule, or what to do, is part of the message.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @train_step(%n: tensor<1xi32>) -> tensor<f32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  // expected-error @below {{func.call has no derivative rule: prepare-for-gradients replaces it}}
  %0 = call @f(%w) : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @below {{stablehlo.dynamic_reshape has no derivative rule: shapes must be static}}
  %1 = stablehlo.dynamic_reshape %0, %n : (tensor<4xf32>, tensor<1xi32>) -> tensor<4xf32>
  // expected-error @below {{stablehlo.all_reduce has no derivative rule: a training step runs on one device}}
  %2 = "stablehlo.all_reduce"(%1) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) {replica_groups = dense<0> : tensor<1x1xi64>} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = stablehlo.reduce(%2 init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  %shape = stablehlo.constant dense<4> : tensor<1xi64>
  // expected-error @below {{stablehlo.rng has no derivative rule: sample with constant bounds}}
  %4 = stablehlo.rng %zero, %3, %shape, distribution = UNIFORM
    : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<4xf32>
  %5 = stablehlo.reduce(%4 init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}
func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
