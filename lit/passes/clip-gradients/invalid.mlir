// RUN: not pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=-1 value=-2 gradients=thrice})' 2>&1 | filecheck %s --check-prefix=OPTIONS
// RUN: not pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=1 value=2})' 2>&1 | filecheck %s --check-prefix=BOTH
// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=1})' --verify-diagnostics

// OPTIONS: error: value must be positive and finite, or 0, got -2
// OPTIONS: error: norm must be positive and finite, or 0, got -1
// OPTIONS: error: gradients must be held or twice, got 'thrice'
// BOTH: error: value and norm exclude each other

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // expected-error @below {{'pock.sgd' has its optimizer: clip before apply-optimizer}}
  "pock.sgd"(%h, %rate) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>, weight_decay = 0.0 : f64} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}
