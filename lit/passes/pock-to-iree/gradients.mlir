// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// What a dispatch computes the gradient from: a contraction behind a reshape that drops unit
// dimensions, a sum over leading dimensions, or else the gradient itself.

"pock.parameter"() {sym_name = "conv", kind = "weight", type = tensor<1x1x8x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "bias", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "scale", kind = "weight", type = tensor<8x4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<32x8xf32>, %dy: tensor<32x4xf32>, %image: tensor<2x4x4x4xf32>,
    %lr: tensor<f32>) -> tensor<8x4xf32> {
  // CHECK: %[[VIEW:.*]] = "flow.tensor.reshape"({{.*}} : (tensor<1x1x8x4xf32>) -> tensor<8x4xf32>
  // CHECK: "flow.dispatch.workgroups"(%arg0, %arg1, %arg3, %[[VIEW]])
  // CHECK: "flow.tensor.reshape"({{.*}} : (tensor<8x4xf32>) -> tensor<1x1x8x4xf32>
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
