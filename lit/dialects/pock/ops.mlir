// RUN: pock-opt %s | pock-opt | filecheck %s

// Every op of the dialect parses, verifies and prints to what parses again.

// CHECK: "pock.parameter"() {kind = "weight", layout = array<i64: 2, 3, 1, 0>, sym_name = "block.conv.weight", type = tensor<3x3x2x4xf32>}
"pock.parameter"() {sym_name = "block.conv.weight", type = tensor<3x3x2x4xf32>, kind = "weight", layout = array<i64: 2, 3, 1, 0>} : () -> ()
"pock.parameter"() {sym_name = "w", type = tensor<4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "mean", type = tensor<4xf32>, kind = "buffer"} : () -> ()
"pock.parameter"() {sym_name = "scale", type = tensor<4xf32>, kind = "folded"} : () -> ()
"pock.parameter"() {sym_name = "velocity", type = tensor<2xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "m", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "v", type = tensor<4xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "u", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "rows", type = tensor<2x1xf32>, kind = "state"} : () -> ()
"pock.parameter"() {sym_name = "columns", type = tensor<1x6xf32>, kind = "state"} : () -> ()

// CHECK-LABEL: func.func @state
func.func @state(%g: tensor<2xf32>) {
  // CHECK: %[[MEAN:.*]] = "pock.read"() {parameter = @mean} : () -> tensor<4xf32>
  // CHECK: "pock.assign"(%[[MEAN]]) {parameter = @mean} : (tensor<4xf32>) -> ()
  // CHECK: "pock.update"(%arg0) {offsets = array<i64: 1>, parameter = @w, sizes = array<i64: 2>}
  %mean = "pock.read"() {parameter = @mean} : () -> tensor<4xf32>
  "pock.assign"(%mean) {parameter = @mean} : (tensor<4xf32>) -> ()
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 1>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
  return
}

// CHECK-LABEL: func.func @optimizers
func.func @optimizers(%g: tensor<2xf32>, %h: tensor<4xf32>, %k: tensor<3x3x2x4xf32>, %lr: tensor<f32>) {
  // CHECK: "pock.momentum"({{.*}}velocity = @velocity
  // CHECK: "pock.sgd"({{.*}}parameter = @block.conv.weight
  // CHECK: "pock.adamw"({{.*}}first_moment = @m
  "pock.momentum"(%g, %lr) {parameter = @w, velocity = @velocity, offsets = array<i64: 1>, sizes = array<i64: 2>, momentum = 0.9 : f32, nesterov = true, weight_decay = 0.0 : f32} : (tensor<2xf32>, tensor<f32>) -> ()
  "pock.sgd"(%k, %lr) {parameter = @block.conv.weight, offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 3, 3, 2, 4>, weight_decay = 0.1 : f32} : (tensor<3x3x2x4xf32>, tensor<f32>) -> ()
  "pock.adamw"(%h, %lr, %lr) {parameter = @scale, first_moment = @m, second_moment = @v, offsets = array<i64: 0>, sizes = array<i64: 4>, beta1 = 0.9 : f32, beta2 = 0.999 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32} : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// CHECK-LABEL: func.func @adaptive
func.func @adaptive(%g: tensor<4xf32>, %h: tensor<2x6xf32>, %lr: tensor<f32>) {
  // CHECK: "pock.adam"({{.*}}first_moment = @m
  // CHECK: "pock.adafactor"({{.*}}row_variance = @rows
  "pock.adam"(%g, %lr, %lr) {parameter = @w, first_moment = @m, second_moment = @v, offsets = array<i64: 0>, sizes = array<i64: 4>, beta1 = 0.9 : f32, beta2 = 0.999 : f32, epsilon = 1.0e-8 : f32, weight_decay = 0.0 : f32} : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  "pock.adafactor"(%h, %lr, %lr) {parameter = @u, row_variance = @rows, column_variance = @columns, factors = array<i64: 0, 1>, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 6>, beta2_decay = -0.8 : f32, epsilon1 = 1.0e-7 : f32, epsilon2 = 1.0e-3 : f32, threshold = 1.0 : f32, weight_decay = 0.0 : f32} : (tensor<2x6xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// What an update may say of its gradient: a scale, a bound, and that it was accumulated.
// CHECK-LABEL: func.func @treatment
func.func @treatment(%g: tensor<4xf32>, %h: tensor<4xf32>, %lr: tensor<f32>, %s: tensor<f32>) {
  // CHECK: %[[TOTAL:.*]] = "pock.accumulate"(%arg0) {parameter = @m} : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: "pock.update"(%[[TOTAL]], %arg3) {accumulated = @m
  // CHECK: "pock.lion"(%arg1, %arg2, %arg3) {{{.*}}clip_value = 5.0
  %total = "pock.accumulate"(%g) {parameter = @m} : (tensor<4xf32>) -> tensor<4xf32>
  "pock.update"(%total, %s) {parameter = @w, accumulated = @m, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>, tensor<f32>) -> ()
  "pock.lion"(%h, %lr, %s) {parameter = @scale, first_moment = @v, clip_value = 0.5 : f32, offsets = array<i64: 0>, sizes = array<i64: 4>, beta1 = 0.9 : f32, beta2 = 0.99 : f32, weight_decay = 0.0 : f32} : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> ()
  return
}

// CHECK-LABEL: func.func @backward
func.func @backward(%x: tensor<1x5x5x4xf32>, %k: tensor<3x3x2x6xf32>, %dy: tensor<1x3x3x6xf32>, %p: tensor<1x2x2x4xf32>, %one: tensor<f32>)
    -> (tensor<1x5x5x4xf32>, tensor<3x3x2x6xf32>, tensor<1x5x5x4xf32>) {
  // CHECK: "pock.conv_input_gradient"
  // CHECK: "pock.conv_kernel_gradient"
  // CHECK: "pock.max_pool_gradient"
  %dx = "pock.conv_input_gradient"(%dy, %k) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64} : (tensor<1x3x3x6xf32>, tensor<3x3x2x6xf32>) -> tensor<1x5x5x4xf32>
  %dk = "pock.conv_kernel_gradient"(%x, %dy) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64} : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  %dp = "pock.max_pool_gradient"(%x, %p, %p) {window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 2, 2, 1>, padding_low = array<i64: 0, 0, 0, 0>, padding_high = array<i64: 0, 0, 0, 0>} : (tensor<1x5x5x4xf32>, tensor<1x2x2x4xf32>, tensor<1x2x2x4xf32>) -> tensor<1x5x5x4xf32>
  return %dx, %dk, %dp : tensor<1x5x5x4xf32>, tensor<3x3x2x6xf32>, tensor<1x5x5x4xf32>
}

// CHECK-LABEL: func.func @winograd
func.func @winograd(%x: tensor<1x6x10x4xf32>, %k: tensor<3x3x4x6xf32>, %m: tensor<36x1x1x2x6xf32>)
    -> (tensor<36x1x1x2x4xf32>, tensor<16x4x6xf32>, tensor<1x4x8x6xf32>) {
  // CHECK: "pock.winograd_image"(%arg0) {side = 4 : i64}
  // CHECK: "pock.winograd_kernel"(%arg1) {side = 2 : i64}
  // CHECK: "pock.winograd_output"(%arg2) {side = 4 : i64}
  %v = "pock.winograd_image"(%x) {side = 4 : i64} : (tensor<1x6x10x4xf32>) -> tensor<36x1x1x2x4xf32>
  %u = "pock.winograd_kernel"(%k) {side = 2 : i64} : (tensor<3x3x4x6xf32>) -> tensor<16x4x6xf32>
  %y = "pock.winograd_output"(%m) {side = 4 : i64} : (tensor<36x1x1x2x6xf32>) -> tensor<1x4x8x6xf32>
  return %v, %u, %y : tensor<36x1x1x2x4xf32>, tensor<16x4x6xf32>, tensor<1x4x8x6xf32>
}

// CHECK-LABEL: func.func @loss
func.func @loss(%y: tensor<2x5xf32>, %t: tensor<2xi32>) -> (tensor<f32>, tensor<2x5xf32>) {
  // CHECK: %[[LOSS:.*]] = "pock.softmax_cross_entropy"(%arg0, %arg1)
  // CHECK: "pock.softmax_cross_entropy_gradient"(%arg0, %arg1, %[[LOSS]])
  %loss = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<f32>
  %dy = "pock.softmax_cross_entropy_gradient"(%y, %t, %loss) : (tensor<2x5xf32>, tensor<2xi32>, tensor<f32>) -> tensor<2x5xf32>
  return %loss, %dy : tensor<f32>, tensor<2x5xf32>
}

// Unused, all but updates and assignments are dead.
// RUN: pock-opt %s --pass-pipeline='builtin.module(canonicalize)' | filecheck %s --check-prefix=DEAD
// DEAD-LABEL: func.func @dead
// DEAD-NEXT: return
func.func @dead(%y: tensor<2x5xf32>, %t: tensor<2xi32>) {
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %loss = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<f32>
  return
}
