// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=momentum momentum=0.5 nesterov=true weight-decay=0.25})' | filecheck %s --check-prefix=MOMENTUM
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adamw beta1=0.5 beta2=0.75 epsilon=0.125 weight-decay=0.25})' | filecheck %s --check-prefix=ADAMW

// State is stored like the parameter that it belongs to.

// MOMENTUM: layout = array<i64: 1, 0>, sym_name = "w.velocity"
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>, layout = array<i64: 1, 0>} : () -> ()

func.func @train_step(%g: tensor<4x3xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // MOMENTUM: "pock.momentum"
  // MOMENTUM-SAME: momentum = 5.000000e-01
  // MOMENTUM-SAME: nesterov = true
  // MOMENTUM-SAME: weight_decay = 2.500000e-01

  // ADAMW: "pock.adamw"
  // ADAMW-SAME: beta1 = 5.000000e-01
  // ADAMW-SAME: beta2 = 7.500000e-01
  // ADAMW-SAME: epsilon = 1.250000e-01
  // ADAMW-SAME: weight_decay = 2.500000e-01
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 3>}
    : (tensor<4x3xf32>) -> ()
  return
}
