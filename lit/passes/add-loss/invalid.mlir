// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss)' --verify-diagnostics --split-input-file
// RUN: not pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=hinge})' --split-input-file 2>&1 | filecheck %s
// RUN: not pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=mse axis=2 ignore-index=x pos-weight=1+-1 label-smoothing=2})' --split-input-file 2>&1 | filecheck %s --check-prefix=OPTIONS

// CHECK: error: unknown loss 'hinge'; it can be cross-entropy, causal-lm, binary-cross-entropy, mse, l1 or custom

// OPTIONS-DAG: mse has no option axis
// OPTIONS-DAG: mse has no option ignore-index
// OPTIONS-DAG: mse has no option pos-weight
// OPTIONS-DAG: label-smoothing must be in [0, 1], got 2
// OPTIONS-DAG: pos-weight must be finite and not negative, got '1+-1'
// OPTIONS-DAG: ignore-index must be an integer, got 'x'

// expected-error @below {{add-loss needs a @forward}}
module {}

// -----

// expected-error @below {{@forward must have one result for cross-entropy, not 2}}
func.func @forward(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  return %x, %x : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// expected-error @below {{@forward must return floats, got tensor<2x3xi32>}}
func.func @forward(%x: tensor<2x3xi32>) -> tensor<2x3xi32> {
  return %x : tensor<2x3xi32>
}

// -----

// expected-error @below {{cross-entropy needs an output of [batch, classes] or [batch, classes, ...], got tensor<3xf32>}}
func.func @forward(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}

// -----

func.func @forward(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  return %x : tensor<2x3xf32>
}
// expected-error @below {{there is a @train_step already}}
func.func @train_step(%x: tensor<2x3xf32>) {
  return
}
