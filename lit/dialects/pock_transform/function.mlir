// RUN: pock-opt %s --transform-interpreter | filecheck %s

// A pass is applied to one of two functions; the handle that it gives stands for what the function
// has become, and the pass declares state beside the parameters of the module.

// CHECK: sym_name = "w"
// CHECK-NEXT: sym_name = "w.velocity"
// CHECK: func.func @second{{.*}} {
// CHECK-NEXT: pock.update
// CHECK: func.func @first{{.*}} attributes {trained} {
// CHECK-NEXT: "pock.momentum"({{.*}}momentum = 5.0
// CHECK: transform.named_sequence

module attributes {transform.with_named_sequence} {
  "pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
  func.func @second(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
    "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
    return
  }
  func.func @first(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
    "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
    return
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %first = transform.structured.match ops{["func.func"]} attributes{sym_name = "first"} in %root
      : (!transform.any_op) -> !transform.any_op
    %trained = "pock_transform.apply_optimizer"(%first) {kind = "momentum", momentum = 0.5}
      : (!transform.any_op) -> !transform.any_op
    transform.annotate %trained "trained" : !transform.any_op
    transform.yield
  }
}
