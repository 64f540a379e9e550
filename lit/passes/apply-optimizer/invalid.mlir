// RUN: not pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=lionn momentum=1 epsilon=0 beta2-decay=1})' --split-input-file 2>&1 | filecheck %s --check-prefix=OPTIONS
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=momentum})' --split-input-file --verify-diagnostics

// OPTIONS: error: unknown kind 'lionn'; known: sgd, momentum, adam, adamw, adafactor, lion
// OPTIONS: error: momentum must be in [0, 1), got 1
// OPTIONS: error: epsilon must be positive, got 0
// OPTIONS: error: beta2-decay must not be above 0, got 1

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// expected-error @below {{@train_step has no argument with pock.role = "learning_rate"}}
func.func @train_step(%g: tensor<4xf32>, %rate: tensor<f32>) {
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>}
    : (tensor<4xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// expected-error @below {{the name of this parameter is wanted for the state of the optimizer}}
"pock.parameter"() {sym_name = "w.velocity", kind = "buffer", type = tensor<4xf32>} : () -> ()

func.func @train_step(%g: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>}
    : (tensor<4xf32>) -> ()
  return
}
