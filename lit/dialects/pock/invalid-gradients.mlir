// RUN: pock-opt %s --verify-diagnostics --split-input-file

// What only some optimizers have, and what every update may say of its gradient.

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adafactor' op 'beta2_decay' must not be above 0, got 0.8}}
  "pock.adafactor"(%g, %lr, %lr) {parameter = @w, row_variance = @r, column_variance = @c, factors = array<i64: 0, 1>, beta2_decay = 0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32, threshold = 1.0 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adafactor' op 'epsilon1' must be positive, got 0}}
  "pock.adafactor"(%g, %lr, %lr) {parameter = @w, row_variance = @r, column_variance = @c, factors = array<i64: 0, 1>, beta2_decay = -0.8 : f32, epsilon1 = 0.0 : f32, epsilon2 = 1.0e-3 : f32, threshold = 1.0 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adafactor' op 'threshold' must be positive, got -1}}
  "pock.adafactor"(%g, %lr, %lr) {parameter = @w, row_variance = @r, column_variance = @c, factors = array<i64: 0, 1>, beta2_decay = -0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32, threshold = -1.0 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adafactor' op needs 'variance', or 'row_variance', 'column_variance' and 'factors'}}
  "pock.adafactor"(%g, %lr, %lr) {parameter = @w, row_variance = @r, beta2_decay = -0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32, threshold = 1.0 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adafactor' op 'factors' must be two of the 2 dimensions, got [0, 2]}}
  "pock.adafactor"(%g, %lr, %lr) {parameter = @w, row_variance = @r, column_variance = @c, factors = array<i64: 0, 2>, beta2_decay = -0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32, threshold = 1.0 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.adafactor' op keeps row_variance in '@c', which is tensor<1x6xf32>, for a slice of sizes [4, 1]}}
  "pock.adafactor"(%g, %lr, %lr) {parameter = @w, row_variance = @c, column_variance = @c, factors = array<i64: 0, 1>, beta2_decay = -0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32, threshold = 1.0 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.lion' op 'beta1' must be in [0, 1), got 1}}
  "pock.lion"(%g, %lr) {parameter = @w, first_moment = @m, beta1 = 1.0 : f32, beta2 = 0.9 : f32,
    offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32} : (tensor<4x6xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.sgd' op scale must be a rank-0 tensor}}
  "pock.sgd"(%g, %lr, %v) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32}
    : (tensor<4x6xf32>, tensor<f32>, tensor<1xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.sgd' op 'clip_value' must be a positive number, got 0.000000e+00 : f32}}
  "pock.sgd"(%g, %lr) {parameter = @w, clip_value = 0.0 : f32, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32}
    : (tensor<4x6xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.sgd' op the gradient must be what 'pock.accumulate' has added to @m}}
  "pock.sgd"(%g, %lr) {parameter = @w, accumulated = @m, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>, weight_decay = 0.0 : f32}
    : (tensor<4x6xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.accumulate' op total must be of the gradient's type tensor<4x6xf32>}}
  %t = "pock.accumulate"(%g) {parameter = @m} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.accumulate' op has tensor<4x6xf32>, but '@r' is tensor<4x1xf32>}}
  %t = "pock.accumulate"(%g) {parameter = @r} : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4x6xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "r", type = tensor<4x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "c", type = tensor<1x6xf32>, kind = "state"} : () -> ()
func.func @f(%g: tensor<4x6xf32>, %lr: tensor<f32>, %v: tensor<1xf32>) {
  // expected-error @+1 {{'pock.accumulate' op adds to '@w', which is of kind 'weight', not 'state'}}
  %t = "pock.accumulate"(%g) {parameter = @w} : (tensor<4x6xf32>) -> tensor<4x6xf32>
  return
}
