// RUN: pock-opt %s --transform-interpreter --verify-diagnostics --split-input-file

// Options are checked where the schedule stands; a pass that fails says so where the payload stands.

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-error @+1 {{pass 'apply-optimizer' has no option 'momentun'; did you mean momentum?}}
    %0 = "pock_transform.apply_optimizer"(%root) {momentun = 0.5} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-error @+1 {{option 'momentum' of pass 'apply-optimizer' must be a number, got 'lots'}}
    %0 = "pock_transform.apply_optimizer"(%root) {momentum = "lots"} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  "pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
  // expected-error @+1 {{@step has no argument with pock.role = "learning_rate"}}
  func.func @step(%d: tensor<2xf32>) {
    "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
    return
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %0 = "pock_transform.apply_optimizer"(%root) : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  func.func @step(%d: tensor<2xf32>) -> tensor<2xf32> {
    // expected-error @+1 {{pass 'apply-optimizer' applies to a module or a function of one, not to 'stablehlo.add'}}
    %a = stablehlo.add %d, %d : tensor<2xf32>
    return %a : tensor<2xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %add = transform.structured.match ops{["stablehlo.add"]} in %root : (!transform.any_op) -> !transform.any_op
    %0 = "pock_transform.apply_optimizer"(%add) : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    // expected-error @+1 {{option 'kind' must be a string, a number or a boolean, got tensor<f32>}}
    %0 = "pock_transform.apply_optimizer"(%root) {kind = tensor<f32>} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
