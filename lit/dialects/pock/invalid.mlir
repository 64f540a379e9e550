// RUN: pock-opt %s --verify-diagnostics --split-input-file

// State: what a parameter, an update and an assignment may say.

// expected-error @+1 {{'pock.parameter' op type must be a tensor, got i32}}
"pock.parameter"() {sym_name = "w", type = i32, kind = "weight"} : () -> ()

// -----

// expected-error @+1 {{'pock.parameter' op type must have a static shape, got tensor<?xf32>}}
"pock.parameter"() {sym_name = "w", type = tensor<?xf32>, kind = "weight"} : () -> ()

// -----

// expected-error @+1 {{'pock.parameter' op kind must be one of weight, buffer, state, folded, adapter, got 'bias'}}
"pock.parameter"() {sym_name = "w", type = tensor<4x2xf32>, kind = "bias"} : () -> ()

// -----

// expected-error @+1 {{'pock.parameter' op 'layout' must permute the 2 dimensions, got [0, 0]}}
"pock.parameter"() {sym_name = "w", type = tensor<4x2xf32>, kind = "weight", layout = array<i64: 0, 0>} : () -> ()

// -----

// expected-error @+1 {{'pock.parameter' op 'axes' must be two of the 2 dimensions, or none, got [1, 2]}}
"pock.parameter"() {sym_name = "w", type = tensor<4x2xf32>, kind = "weight", axes = array<i64: 1, 2>} : () -> ()

// -----

// expected-error @+1 {{'pock.parameter' op 'layout' must be an array<i64>}}
"pock.parameter"() {sym_name = "w", type = tensor<4x2xf32>, kind = "weight", layout = [0, 1]} : () -> ()

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<?xf32>) {
  // expected-error @+1 {{'pock.update' op gradient must have a static shape, got tensor<?xf32>}}
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<?xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>) {
  // expected-error @+1 {{'pock.update' op 'offsets' and 'sizes' must have 1 entries, the rank of the gradient}}
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>) {
  // expected-error @+1 {{'pock.update' op 'offsets' must not be negative: [-1]}}
  "pock.update"(%g) {parameter = @w, offsets = array<i64: -1>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>) {
  // expected-error @+1 {{'pock.update' op 'sizes' [3] must be the gradient's shape [4]}}
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 3>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%g: tensor<4xf32>) {
  // expected-error @+1 {{'pock.update' op 'offsets' must be an array<i64>}}
  "pock.update"(%g) {parameter = @w, offsets = dense<0> : tensor<1xi64>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
func.func @f(%v: tensor<?xf32>) {
  // expected-error @+1 {{'pock.assign' op value must have a static shape, got tensor<?xf32>}}
  "pock.assign"(%v) {parameter = @w} : (tensor<?xf32>) -> ()
  return
}
