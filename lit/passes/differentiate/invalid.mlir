// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --verify-diagnostics --split-input-file

// expected-error @below {{differentiate needs a @train_step; add-loss makes one}}
module {}

// -----

// Every op without a rule is named, and every mode that a rule does not cover.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @train_step() -> tensor<f32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  // expected-error @below {{stablehlo.custom_call has no derivative rule}}
  %a = stablehlo.custom_call @f(%w) : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @below {{stablehlo.reduce_precision has no derivative rule}}
  %b = stablehlo.reduce_precision %a, format = e5m10 : tensor<4xf32>
  %y = stablehlo.reduce(%b init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<1x4x1xf32>} : () -> ()
"pock.parameter"() {sym_name = "k", kind = "weight", type = tensor<3x1x2xf32>} : () -> ()
func.func @train_step() -> tensor<f32> {
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<1x4x1xf32>
  %k = "pock.read"() {parameter = @k} : () -> tensor<3x1x2xf32>
  // expected-error @below {{convolution with lhs_dilation (transposed) has no derivative rule}}
  %y = stablehlo.convolution(%w, %k) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f],
    window = {lhs_dilate = [2]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x4x1xf32>, tensor<3x1x2xf32>) -> tensor<1x5x2xf32>
  // expected-error @below {{stablehlo.reduce must start from the identity of add}}
  %loss = stablehlo.reduce(%y init: %one) applies stablehlo.add across dimensions = [0, 1, 2]
    : (tensor<1x5x2xf32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x4x1xf32>} : () -> ()
"pock.parameter"() {sym_name = "k", kind = "weight", type = tensor<3x1x2xf32>} : () -> ()
func.func @train_step() -> tensor<f32> {
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x4x1xf32>
  %k = "pock.read"() {parameter = @k} : () -> tensor<3x1x2xf32>
  // expected-error @below {{convolution with batch_group_count has no derivative rule}}
  %y = stablehlo.convolution(%w, %k) dim_numbers = [b, 0, f]x[0, i, o]->[b, 0, f],
    window = {} {batch_group_count = 2 : i64, feature_group_count = 1 : i64}
    : (tensor<2x4x1xf32>, tensor<3x1x2xf32>) -> tensor<1x2x2xf32>
  // expected-error @below {{stablehlo.reduce with this region has no derivative rule}}
  %loss = "stablehlo.reduce"(%y, %one) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.power %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {dimensions = array<i64: 0, 1, 2>} : (tensor<1x2x2xf32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// expected-error @below {{no weight reaches the loss: there is nothing to train}}
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = stablehlo.floor %w : tensor<f32>
  return %y : tensor<f32>
}

// -----

// expected-error @below {{the loss must be a scalar of floats, got tensor<2xf32>}}
func.func @train_step(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// -----

// expected-error @below {{@train_step must return one loss, not 2 values}}
func.func @train_step(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  return %x, %x : tensor<f32>, tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  // expected-error @below {{@train_step has updates already; differentiate it once}}
  "pock.update"(%x) {parameter = @w, offsets = array<i64>, sizes = array<i64>} : (tensor<f32>) -> ()
  return %w : tensor<f32>
}
