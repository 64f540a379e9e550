// RUN: pock-opt %s --verify-diagnostics --split-input-file

// Optimizer state: declared, of kind state, of the slice's shape, of one update alone.

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%d: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @+1 {{'pock.momentum' op keeps velocity in '@v', which no pock.parameter declares}}
  "pock.momentum"(%d, %lr) {parameter = @w, velocity = @v, offsets = array<i64: 0>, sizes = array<i64: 4>,
    momentum = 0.9 : f32, nesterov = false, weight_decay = 0.0 : f32} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%d: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @+1 {{'pock.momentum' op keeps velocity in '@v', which is of kind 'weight', not 'state'}}
  "pock.momentum"(%d, %lr) {parameter = @w, velocity = @v, offsets = array<i64: 0>, sizes = array<i64: 4>,
    momentum = 0.9 : f32, nesterov = false, weight_decay = 0.0 : f32} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<2xf32>, kind = "state"} : () -> ()
func.func @f(%d: tensor<2xf32>, %lr: tensor<f32>) {
  // expected-error @+1 {{'pock.adamw' op keeps first_moment in '@m', which is tensor<4xf32>, for a slice of sizes [2]}}
  "pock.adamw"(%d, %lr, %lr) {parameter = @w, first_moment = @m, second_moment = @v, offsets = array<i64: 2>, sizes = array<i64: 2>,
    beta1 = 0.9 : f32, beta2 = 0.999 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32} : (tensor<2xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<2xf32>, kind = "state"} : () -> ()
func.func @f(%d: tensor<2xf32>, %lr: tensor<f32>) {
  "pock.momentum"(%d, %lr) {parameter = @w, velocity = @v, offsets = array<i64: 0>, sizes = array<i64: 2>,
    momentum = 0.9 : f32, nesterov = false, weight_decay = 0.0 : f32} : (tensor<2xf32>, tensor<f32>) -> ()
  // expected-error @+1 {{'pock.momentum' op keeps velocity in '@v', which belongs to another update}}
  "pock.momentum"(%d, %lr) {parameter = @w, velocity = @v, offsets = array<i64: 2>, sizes = array<i64: 2>,
    momentum = 0.9 : f32, nesterov = false, weight_decay = 0.0 : f32} : (tensor<2xf32>, tensor<f32>) -> ()
  return
}
