// RUN: pock-opt %s --split-input-file --verify-diagnostics | filecheck %s
// RUN: pock-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(canonicalize,cse)' | filecheck %s --check-prefix=CSE

// Two draws of the same mask are one, and one that nothing uses is none.

// CHECK-LABEL: func.func @draw
// CHECK-COUNT-3: "pock.random_mask"(%arg0)
// CSE-LABEL: func.func @draw
// CSE: %[[M:.*]] = "pock.random_mask"
// CSE-NEXT: return %[[M]], %[[M]]
func.func @draw(%step: tensor<i32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %a = "pock.random_mask"(%step) {seed = 1, site = 0, keep = 0.9, value = 1.0} : (tensor<i32>) -> tensor<2x3xf32>
  %b = "pock.random_mask"(%step) {seed = 1, site = 0, keep = 0.9, value = 1.0} : (tensor<i32>) -> tensor<2x3xf32>
  %c = "pock.random_mask"(%step) {seed = 1, site = 1, keep = 0.9, value = 1.0} : (tensor<i32>) -> tensor<2x3xf32>
  return %a, %b : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

func.func @f(%step: tensor<i64>) {
  // expected-error @+1 {{'pock.random_mask' op step must be a tensor<i32>, got tensor<i64>}}
  %a = "pock.random_mask"(%step) {seed = 1, site = 0, keep = 0.9, value = 1.0} : (tensor<i64>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%step: tensor<i32>) {
  // expected-error @+1 {{'pock.random_mask' op 'keep' must be in [0, 1], got 1.5}}
  %a = "pock.random_mask"(%step) {seed = 1, site = 0, keep = 1.5, value = 1.0} : (tensor<i32>) -> tensor<2xf32>
  return
}

// -----

func.func @f(%step: tensor<i32>) {
  // expected-error @+1 {{'pock.random_mask' op mask must be of floats, got tensor<2xi1>}}
  %a = "pock.random_mask"(%step) {seed = 1, site = 0, keep = 0.5, value = 1.0} : (tensor<i32>) -> tensor<2xi1>
  return
}

// -----

func.func @f(%step: tensor<i32>) {
  // expected-error @+1 {{'pock.random_mask' op mask must have fewer than 2^31 elements}}
  %a = "pock.random_mask"(%step) {seed = 1, site = 0, keep = 0.5, value = 1.0} : (tensor<i32>) -> tensor<65536x65536xf32>
  return
}
