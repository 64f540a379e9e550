// RUN: not pock-opt %s --pass-pipeline='builtin.module(schedule-learning-rate{kind=cosin warmup=-1 final=-1})' --split-input-file 2>&1 | filecheck %s --check-prefix=KIND
// RUN: not pock-opt %s --pass-pipeline='builtin.module(schedule-learning-rate{kind=step decay=2})' --split-input-file 2>&1 | filecheck %s --check-prefix=STEP
// RUN: not pock-opt %s --pass-pipeline='builtin.module(schedule-learning-rate{kind=cosine steps=5 warmup=5})' --split-input-file 2>&1 | filecheck %s --check-prefix=COSINE
// RUN: pock-opt %s --pass-pipeline='builtin.module(schedule-learning-rate)' --split-input-file --verify-diagnostics

// KIND: error: unknown kind 'cosin'; known: constant, step, cosine, linear
// KIND: error: warmup must not be negative, got -1
// KIND: error: final must not be negative, got -1
// STEP: error: every must be at least 1, got 0
// STEP: error: decay must be in (0, 1], got 2
// COSINE: error: steps must be above warmup (5), got 5

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // expected-error @below {{'pock.update' has no optimizer: run apply-optimizer first}}
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()
// expected-error @below {{the function has no argument with pock.role = "learning_rate"}}
func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32>) {
  "pock.sgd"(%h, %rate) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>, weight_decay = 0.0 : f64} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}
