// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss)' --verify-diagnostics --split-input-file
// RUN: not pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=hinge})' --split-input-file 2>&1 | filecheck %s

// CHECK: error: unknown loss 'hinge'; it can be cross-entropy or mse

// expected-error @below {{add-loss needs a @forward}}
module {}

// -----

// expected-error @below {{@forward must have one result, not 2}}
func.func @forward(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  return %x, %x : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// expected-error @below {{@forward must return floats, got tensor<2x3xi32>}}
func.func @forward(%x: tensor<2x3xi32>) -> tensor<2x3xi32> {
  return %x : tensor<2x3xi32>
}

// -----

// expected-error @below {{cross-entropy needs an output of [batch, classes], got tensor<2x3x4xf32>}}
func.func @forward(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  return %x : tensor<2x3x4xf32>
}

// -----

func.func @forward(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  return %x : tensor<2x3xf32>
}
// expected-error @below {{there is a @train_step already}}
func.func @train_step(%x: tensor<2x3xf32>) {
  return
}
