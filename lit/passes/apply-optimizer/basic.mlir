// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer)' | filecheck %s --check-prefix=SGD
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=momentum})' | filecheck %s --check-prefix=MOMENTUM
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adamw})' | filecheck %s --check-prefix=ADAMW

// One slice of @w, two of @v: state has the shape of the slice, and a number where there are two.

// SGD-NOT: "state"
// MOMENTUM:      "pock.parameter"() {kind = "state", sym_name = "w.velocity", type = tensor<2x3xf32>}
// MOMENTUM-NEXT: "pock.parameter"() {kind = "state", sym_name = "v.velocity.0", type = tensor<1xf32>}
// MOMENTUM-NEXT: "pock.parameter"() {kind = "state", sym_name = "v.velocity.1", type = tensor<2xf32>}
// ADAMW:      sym_name = "w.first_moment", type = tensor<2x3xf32>
// ADAMW-NEXT: sym_name = "w.second_moment", type = tensor<2x3xf32>
// ADAMW-NEXT: sym_name = "v.first_moment.0", type = tensor<1xf32>
// ADAMW:      sym_name = "optimizer.step", type = tensor<f32>
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @train_step(%g: tensor<2x3xf32>, %h: tensor<1xf32>, %i: tensor<2xf32>,
    %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // SGD:      "pock.sgd"(%arg0, %arg3) {offsets = array<i64: 1, 0>, parameter = @w, sizes = array<i64: 2, 3>, weight_decay = 0.0{{.*}}}
  // SGD-NEXT: "pock.sgd"(%arg1, %arg3)
  // SGD-NEXT: "pock.sgd"(%arg2, %arg3)

  // MOMENTUM: "pock.momentum"(%arg0, %arg3) {momentum = 9.0{{.*}}, nesterov = false, {{.*}}velocity = @w.velocity,
  // MOMENTUM: velocity = @v.velocity.0,
  // MOMENTUM: velocity = @v.velocity.1,

  // ADAMW:      %[[DONE:.*]] = "pock.read"() {parameter = @optimizer.step}
  // ADAMW:      %[[STEP:.*]] = stablehlo.add %[[DONE]],
  // ADAMW-NEXT: "pock.assign"(%[[STEP]]) {parameter = @optimizer.step}
  // ADAMW-NEXT: "pock.adamw"(%arg0, %arg3, %[[STEP]]) {beta1 = {{.*}}, first_moment = @w.first_moment, {{.*}}second_moment = @w.second_moment,
  // ADAMW-NEXT: first_moment = @v.first_moment.0,
  // ADAMW-NEXT: first_moment = @v.first_moment.1,
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 3>}
    : (tensor<2x3xf32>) -> ()
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 1>}
    : (tensor<1xf32>) -> ()
  "pock.update"(%i) {parameter = @v, offsets = array<i64: 2>, sizes = array<i64: 2>}
    : (tensor<2xf32>) -> ()
  return
}
