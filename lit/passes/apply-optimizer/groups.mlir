// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=momentum weight-decay=0.25 groups="*.bias weight-decay=0 lr-scale=0.5; b.* momentum=0.5 nesterov=true"})' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=sgd groups="a.* lr-scale=2; *.bias"})' --dump-pass-pipeline 2>&1 | filecheck %s --check-prefix=TEXT
// RUN: not pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=sgd groups="*.bia; * beta1=0.5; * weight-decay=-1; a.* lr-scale"})' 2>&1 | filecheck %s --check-prefix=SYNTAX
// RUN: not pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=sgd groups="a.bia; * beta1=0.5"})' 2>&1 | filecheck %s --check-prefix=FIT
// RUN: not pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=sgd groups="* weight-decay=-1"})' 2>&1 | filecheck %s --check-prefix=RANGE

// TEXT: apply-optimizer{{{groups='a.* lr-scale=2; \*.bias'}}}
// SYNTAX: error: group 'a.*': expected KEY=NUMBER, got 'lr-scale'
// FIT: error: group: pattern 'a.bia' matches no parameter; nearest: a.bias, b.bias
// FIT: error: group '*': sgd has no option 'beta1'; it has weight-decay, lr-scale
// RANGE: error: group '*': weight-decay must not be negative, got -1

"pock.parameter"() {sym_name = "a.bias", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "b.bias", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "c", kind = "weight", type = tensor<4xf32>} : () -> ()

// The last pattern that matches holds, and only it.

// CHECK-LABEL: func.func @train_step
func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // CHECK: %[[HALF:.*]] = stablehlo.multiply %arg1
  // CHECK: "pock.momentum"(%arg0, %[[HALF]]) {{.*}}parameter = @a.bias{{.*}}weight_decay = 0.0
  // CHECK: "pock.momentum"(%arg0, %arg1) {{.*}}momentum = 5.0{{.*}}nesterov = true{{.*}}parameter = @b.bias{{.*}}weight_decay = 2.5
  // CHECK: "pock.momentum"(%arg0, %arg1) {{.*}}momentum = 9.0{{.*}}nesterov = false{{.*}}parameter = @c,
  "pock.update"(%h) {parameter = @a.bias, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  "pock.update"(%h) {parameter = @b.bias, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  "pock.update"(%h) {parameter = @c, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}
