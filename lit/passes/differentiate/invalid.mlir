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
  // expected-error @below {{chlo.polygamma has no derivative rule by its order}}
  %b = "chlo.polygamma"(%a, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %y = stablehlo.reduce(%b init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// No gradient gets lost on the way.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step() -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %t = stablehlo.tuple %w, %w : tuple<tensor<f32>, tensor<f32>>
  // expected-error @below {{stablehlo.get_tuple_element has no derivative rule: prepare-for-gradients replaces it}}
  %y = stablehlo.get_tuple_element %t[1] : (tuple<tensor<f32>, tensor<f32>>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// A region that is unrolled must be elementwise; a window must not be too large for that.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5000xf32>} : () -> ()
func.func @train_step() -> tensor<f32> {
  %one = stablehlo.constant dense<1.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<5000xf32>
  // expected-error @below {{stablehlo.reduce_window over windows of 5000 elements has no derivative rule for this region; it has one up to 4096}}
  %y = "stablehlo.reduce_window"(%w, %one) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.multiply %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 5000>} : (tensor<5000xf32>, tensor<f32>) -> tensor<1xf32>
  %loss = "stablehlo.reduce"(%y, %one) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    // expected-error @below {{stablehlo.reshape in the region of stablehlo.reduce has no derivative rule: it is not elementwise}}
    %c = stablehlo.reshape %a : (tensor<f32>) -> tensor<f32>
    %d = stablehlo.multiply %c, %b : tensor<f32>
    stablehlo.return %d : tensor<f32>
  }) {dimensions = array<i64: 0>} : (tensor<1xf32>, tensor<f32>) -> tensor<f32>
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
