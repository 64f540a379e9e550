module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %0 = "pock_transform.apply_optimizer"(%root) : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
