// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The derivative of x * logistic(x) is computed in the forward: else x and logistic(x) were kept.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>) -> tensor<f32> {
  // CHECK: %[[S:.*]] = stablehlo.logistic
  // CHECK: %[[SLOPE:.*]] = stablehlo.add {{.*}} {pock.kept} : tensor<4xf32>
  // CHECK: stablehlo.dot_general
  // CHECK-NOT: %[[S]]
  // CHECK: %[[D:.*]] = stablehlo.multiply {{.*}}, %[[SLOPE]]
  // CHECK-NEXT: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %s = stablehlo.logistic %w : tensor<4xf32>
  %y = stablehlo.multiply %w, %s : tensor<4xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// ReLU6 keeps its result, which the next layer keeps as well.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>) -> tensor<f32> {
  // CHECK-NOT: pock.kept
  // CHECK: "pock.update"
  %zero = stablehlo.constant dense<0.0> : tensor<4xf32>
  %six = stablehlo.constant dense<6.0> : tensor<4xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %r = stablehlo.maximum %w, %zero : tensor<4xf32>
  %y = stablehlo.minimum %r, %six : tensor<4xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// What is made on the way is used elsewhere: the chain ends there.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>) -> tensor<f32> {
  // CHECK-NOT: pock.kept
  // CHECK: "pock.update"
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %s = stablehlo.logistic %w : tensor<4xf32>
  %y = stablehlo.multiply %w, %s : tensor<4xf32>
  %loss = stablehlo.dot_general %y, %s, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// The slope of three scalings is a known number.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>) -> tensor<f32> {
  // CHECK-NOT: pock.kept
  // CHECK: "pock.update"
  %two = stablehlo.constant dense<2.0> : tensor<4xf32>
  %three = stablehlo.constant dense<3.0> : tensor<4xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %a = stablehlo.multiply %w, %two : tensor<4xf32>
  %b = stablehlo.divide %a, %three : tensor<4xf32>
  %y = stablehlo.multiply %b, %three : tensor<4xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
