// RUN: pock-opt %s --verify-diagnostics --split-input-file

// Optimizers: the ranges of their options, scalars, two moments in one place.

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.sgd' op learning_rate must be a rank-0 tensor}}
  "pock.sgd"(%g, %v) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<1xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.sgd' op 'weight_decay' must be in [0, inf), got -0.1}}
  "pock.sgd"(%g, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, weight_decay = -0.1 : f32}
    : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.sgd' op 'sizes' [3] must be the gradient's shape [4]}}
  "pock.sgd"(%g, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 3>, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.momentum' op 'momentum' must be in [0, 1), got 1}}
  "pock.momentum"(%g, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, velocity = @v, momentum = 1.0 : f32, nesterov = false, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.momentum' op 'weight_decay' must be in [0, inf), got -1}}
  "pock.momentum"(%g, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, velocity = @v, momentum = 0.9 : f32, nesterov = false, weight_decay = -1.0 : f32}
    : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adamw' op step must be a rank-0 tensor}}
  "pock.adamw"(%g, %lr, %v) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, first_moment = @m, second_moment = @v, beta1 = 0.9 : f32, beta2 = 0.999 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>, tensor<1xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adamw' op 'beta1' must be in [0, 1), got 1.5}}
  "pock.adamw"(%g, %lr, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, first_moment = @m, second_moment = @v, beta1 = 1.5 : f32, beta2 = 0.999 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adamw' op 'beta2' must be in [0, 1), got -0.5}}
  "pock.adamw"(%g, %lr, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, first_moment = @m, second_moment = @v, beta1 = 0.9 : f32, beta2 = -0.5 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adamw' op 'epsilon' must be positive, got 0}}
  "pock.adamw"(%g, %lr, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, first_moment = @m, second_moment = @v, beta1 = 0.9 : f32, beta2 = 0.999 : f32, epsilon = 0.0 : f32, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adamw' op both moments are kept in @m}}
  "pock.adamw"(%g, %lr, %lr) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>, first_moment = @m, second_moment = @m, beta1 = 0.9 : f32, beta2 = 0.999 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32}
    : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}
