// RUN: pock-opt %s --transform-interpreter --canonicalize | filecheck %s
// RUN: pock-opt %s --transform-interpreter=entry-point=only_adamw | filecheck %s --check-prefix=ADAMW

// A pass is applied to one of two modules, mixed with upstream's transform ops; several schedules
// may stand beside their payload.

// CHECK: module @left
// CHECK: pock.sgd
// CHECK-NOT: stablehlo.add
// CHECK: module @right
// CHECK: pock.update

// ADAMW: module @left
// ADAMW: optimizer.step
// ADAMW: pock.adamw
// ADAMW: module @right
// ADAMW: pock.adamw

module attributes {transform.with_named_sequence} {
  module @left {
    "pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
    func.func @train_step(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
      %a = stablehlo.add %d, %d : tensor<2xf32>
      "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
      return
    }
  }
  module @right {
    "pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
    func.func @train_step(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
      "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
      return
    }
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %left = transform.structured.match ops{["builtin.module"]} attributes{sym_name = "left"} in %root
      : (!transform.any_op) -> !transform.any_op
    %sgd = "pock_transform.apply_optimizer"(%left) : (!transform.any_op) -> !transform.any_op
    transform.apply_dce to %sgd : !transform.any_op
    transform.yield
  }
  transform.named_sequence @only_adamw(%root: !transform.any_op) {
    %steps = transform.structured.match ops{["func.func"]} in %root : (!transform.any_op) -> !transform.any_op
    %adamw = "pock_transform.apply_optimizer"(%steps) {kind = "adamw"} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
