// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// What a dispatch computes the gradient from: a contraction behind a reshape that drops unit
// dimensions, a sum over leading dimensions, or else the gradient itself.

"pock.parameter"() {sym_name = "conv", kind = "weight", type = tensor<1x1x8x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "bias", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "scale", kind = "weight", type = tensor<8x4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<32x8xf32>, %dy: tensor<32x4xf32>, %image: tensor<2x4x4x4xf32>,
    %lr: tensor<f32>) -> tensor<8x4xf32> {
  // CHECK: "flow.dispatch.workgroups"(%arg0, %arg1, %arg3, %{{[0-9]+}})
  // CHECK: static_sizes = array<i64: 1, 1, 8, 4>{{.*}} -> tensor<8x4xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %product = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<32x8xf32>, tensor<32x4xf32>) -> tensor<8x4xf32>
  %kernel = stablehlo.reshape %product : (tensor<8x4xf32>) -> tensor<1x1x8x4xf32>
  "pock.sgd"(%kernel, %lr) {parameter = @conv, offsets = array<i64: 0, 0, 0, 0>,
    sizes = array<i64: 1, 1, 8, 4>, weight_decay = 0.0 : f64}
    : (tensor<1x1x8x4xf32>, tensor<f32>) -> ()
  // CHECK: %[[ROWS:.*]] = stablehlo.reshape %arg2 {{.*}} -> tensor<32x4xf32>
  // CHECK: "flow.dispatch.workgroups"(%[[ROWS]], %arg3, {{.*}})
  // CHECK: iterator_types = ["parallel", "reduction"]
  %sum = stablehlo.reduce(%image init: %zero) applies stablehlo.add across dimensions = [0, 1, 2]
    : (tensor<2x4x4x4xf32>, tensor<f32>) -> tensor<4xf32>
  "pock.sgd"(%sum, %lr) {parameter = @bias, offsets = array<i64: 0>, sizes = array<i64: 4>,
    weight_decay = 0.0 : f64} : (tensor<4xf32>, tensor<f32>) -> ()
  // Somebody else needs this contraction too, so it is not made part of the update.
  // CHECK: %[[G:.*]] = stablehlo.dot_general
  // CHECK: "flow.dispatch.workgroups"(%[[G]], %arg3,
  // CHECK: return %[[G]]
  %shared = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<32x8xf32>, tensor<32x4xf32>) -> tensor<8x4xf32>
  "pock.sgd"(%shared, %lr) {parameter = @scale, offsets = array<i64: 0, 0>,
    sizes = array<i64: 8, 4>, weight_decay = 0.0 : f64} : (tensor<8x4xf32>, tensor<f32>) -> ()
  return %shared : tensor<8x4xf32>
}

"pock.parameter"() {sym_name = "kernel", kind = "weight", type = tensor<2x1x8x4xf32>} : () -> ()

// A gradient that is stacked from one contraction per tap is never stacked: each tap is an update of
// its place in the weight, and its slice is made just before.
// CHECK-LABEL: func.func @taps
func.func @taps(%x: tensor<33x8xf32>, %dy: tensor<32x4xf32>, %lr: tensor<f32>) {
  // CHECK-NOT: stablehlo.concatenate
  // CHECK: %[[FIRST:.*]] = stablehlo.slice %arg0 [0:32, 0:8]
  // CHECK: %[[DONE:.*]] = "flow.dispatch.workgroups"(%[[FIRST]], %arg1, %arg2,
  // CHECK: static_offsets = array<i64: 0, 0, 0, 0>, static_sizes = array<i64: 1, 1, 8, 4>
  // CHECK: %[[SECOND:.*]] = stablehlo.slice %arg0 [1:33, 0:8]
  // CHECK: "flow.dispatch.workgroups"(%[[SECOND]], %arg1, %arg2, %[[DONE]])
  // CHECK: static_offsets = array<i64: 1, 0, 0, 0>, static_sizes = array<i64: 1, 1, 8, 4>
  %a = stablehlo.slice %x [0:32, 0:8] : (tensor<33x8xf32>) -> tensor<32x8xf32>
  %b = stablehlo.slice %x [1:33, 0:8] : (tensor<33x8xf32>) -> tensor<32x8xf32>
  %0 = stablehlo.dot_general %a, %dy, contracting_dims = [0] x [0]
    : (tensor<32x8xf32>, tensor<32x4xf32>) -> tensor<8x4xf32>
  %1 = stablehlo.dot_general %b, %dy, contracting_dims = [0] x [0]
    : (tensor<32x8xf32>, tensor<32x4xf32>) -> tensor<8x4xf32>
  %2 = stablehlo.reshape %0 : (tensor<8x4xf32>) -> tensor<1x8x4xf32>
  %3 = stablehlo.reshape %1 : (tensor<8x4xf32>) -> tensor<1x8x4xf32>
  %4 = stablehlo.concatenate %2, %3, dim = 0
    : (tensor<1x8x4xf32>, tensor<1x8x4xf32>) -> tensor<2x8x4xf32>
  %kernel = stablehlo.reshape %4 : (tensor<2x8x4xf32>) -> tensor<2x1x8x4xf32>
  "pock.sgd"(%kernel, %lr) {parameter = @kernel, offsets = array<i64: 0, 0, 0, 0>,
    sizes = array<i64: 2, 1, 8, 4>, weight_decay = 0.0 : f64}
    : (tensor<2x1x8x4xf32>, tensor<f32>) -> ()
  return
}
