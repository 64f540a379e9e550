// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=custom})' --split-input-file --verify-diagnostics | filecheck %s

// A model module that has its loss: @predict says which arguments are inputs.

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: tensor<2xf32> {pock.role = "input"}
// CHECK-SAME: tensor<f32> {pock.role = "target"}
// CHECK-SAME: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32>
// CHECK-LABEL: func.func @evaluate(%arg0: tensor<2xf32>, %arg1: tensor<f32>) -> tensor<f32>
func.func @loss(%x: tensor<2xf32>, %t: tensor<f32>) -> tensor<f32> {
  return %t : tensor<f32>
}
// CHECK-LABEL: func.func @predict
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// -----

// The evaluation mode's loss stays.

// CHECK-LABEL: func.func @train_step
func.func @loss(%x: tensor<2xf32>, %t: tensor<f32>) -> tensor<f32> {
  return %t : tensor<f32>
}
// CHECK: func.func @evaluate
// CHECK-NEXT: stablehlo.negate
// CHECK-NOT: @evaluate
func.func @evaluate(%x: tensor<2xf32>, %t: tensor<f32>) -> tensor<f32> {
  %n = stablehlo.negate %t : tensor<f32>
  return %n : tensor<f32>
}
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// -----

// expected-error @below {{the loss must be one scalar of floats, got tensor<2xf32>}}
// expected-error @below {{@loss must have targets behind the 1 inputs of @predict}}
func.func @loss(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// -----

// expected-error @below {{add-loss{kind=custom} needs a @loss}}
// expected-error @below {{add-loss{kind=custom} needs a @predict}}
module {}
