// RUN: pock-opt %s --pass-pipeline='builtin.module(expand-optimizer)' --verify-diagnostics --split-input-file

// State that no parameter declares, and slices that overlap, are refused before the pass runs.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @undeclared(%g: tensor<4xf32>, %rate: tensor<f32>) {
  // expected-error @below {{'@m'}}
  "pock.momentum"(%g, %rate) {parameter = @w, velocity = @m, offsets = array<i64: 0>,
    sizes = array<i64: 4>, momentum = 0.9 : f64, nesterov = false, weight_decay = 0.0 : f64}
    : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @overlap(%g: tensor<3xf32>, %rate: tensor<f32>) {
  // expected-note @below {{the first is given here}}
  "pock.sgd"(%g, %rate) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 3>,
    weight_decay = 0.0 : f64} : (tensor<3xf32>, tensor<f32>) -> ()
  // expected-error @below {{gives a part of '@w' a second new value}}
  "pock.sgd"(%g, %rate) {parameter = @w, offsets = array<i64: 1>, sizes = array<i64: 3>,
    weight_decay = 0.0 : f64} : (tensor<3xf32>, tensor<f32>) -> ()
  return
}
