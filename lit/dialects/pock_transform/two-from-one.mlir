// RUN: pock-opt %s --transform-interpreter --split-input-file --verify-diagnostics | filecheck %s

// A pass may make several functions of one: the new handle has them all, the old ones are spent.

// CHECK: func.func @train_step{{.*}} attributes {made}
// CHECK: func.func @predict{{.*}} attributes {made}
// CHECK: func.func @other{{.*}} attributes {kept}
module attributes {transform.with_named_sequence} {
  func.func @forward(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
    return %x : tensor<4x3xf32>
  }
  func.func @other() { return }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %all = transform.structured.match ops{["func.func"]} in %root : (!transform.any_op) -> !transform.any_op
    %forward, %other = transform.split_handle %all : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %made = "pock_transform.add_loss"(%forward) {kind = "mse"} : (!transform.any_op) -> !transform.any_op
    transform.annotate %made "made" : !transform.any_op
    transform.annotate %other "kept" : !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  // expected-note @+2 {{ancestor payload op}}
  // expected-note @+1 {{nested payload op}}
  func.func @forward(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
    return %x : tensor<4x3xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-note @+1 {{handle to invalidated ops}}
    %old = transform.structured.match ops{["func.func"]} in %root : (!transform.any_op) -> !transform.any_op
    %same = transform.merge_handles %old : !transform.any_op
    // expected-note @+1 {{invalidated by this transform op}}
    %new = "pock_transform.add_loss"(%same) {kind = "mse"} : (!transform.any_op) -> !transform.any_op
    // expected-error @+1 {{op uses a handle invalidated by a previously executed transform op}}
    transform.annotate %old "made" : !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  // expected-error @+1 {{the module already has a symbol called 'train_step'}}
  func.func @forward(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
    return %x : tensor<4x3xf32>
  }
  func.func @train_step() { return }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %forward = transform.structured.match ops{["func.func"]} attributes{sym_name = "forward"} in %root
      : (!transform.any_op) -> !transform.any_op
    %0 = "pock_transform.add_loss"(%forward) {kind = "mse"} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
