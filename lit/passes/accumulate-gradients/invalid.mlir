// RUN: not pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients{steps=0})' --split-input-file 2>&1 | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients)' --split-input-file --verify-diagnostics

// CHECK: error: steps must be positive, got 0
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @other(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // expected-error @below {{updates must stand in @train_step}}
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // expected-error @below {{accumulate gradients before they are clipped}}
  "pock.update"(%h, %rate) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()
// expected-error @below {{there is one of this name already}}
func.func @accumulate_step(%h: tensor<4xf32>) {
  return
}
func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()
// expected-error @below {{@train_step needs an argument with pock.role = "learning_rate", used by nothing yet}}
func.func @train_step(%h: tensor<4xf32>) {
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()
// expected-error @below {{the name of this parameter is wanted for the state of the optimizer}}
"pock.parameter"() {sym_name = "v.gradient", kind = "buffer", type = tensor<4xf32>} : () -> ()
func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}
