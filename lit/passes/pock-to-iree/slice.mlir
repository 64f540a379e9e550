// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// Two slices of one weight: each dispatch sees its rows of the whole weight, and the second one
// works on what the first one made. A slice's velocity has the slice's shape.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "m.0", kind = "state", type = tensor<2x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "m.1", kind = "state", type = tensor<3x4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<2x4xf32>, %h: tensor<3x4xf32>, %lr: tensor<f32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = "util.global.load"() {global = @w}
  // CHECK: %[[ONE:.*]]:2 = "flow.dispatch.workgroups"(%arg0, %arg2, %[[W]],
  // CHECK: readwrite:tensor<8x4xf32>{{.*}}readwrite:tensor<2x4xf32>
  // CHECK: dispatch.tensor.load"{{.*}}static_offsets = array<i64: 1, 0>, static_sizes = array<i64: 2, 4>
  // CHECK: dispatch.tensor.load"{{.*}}static_offsets = array<i64: 0, 0>, static_sizes = array<i64: 2, 4>
  // CHECK: dispatch.tensor.store"{{.*}}static_offsets = array<i64: 1, 0>, static_sizes = array<i64: 2, 4>
  // CHECK: tied_operands = [2 : index, 3 : index]
  // CHECK: %[[TWO:.*]]:2 = "flow.dispatch.workgroups"(%arg1, %arg2, %[[ONE]]#0,
  // CHECK: dispatch.tensor.store"{{.*}}static_offsets = array<i64: 5, 0>, static_sizes = array<i64: 3, 4>
  // CHECK: "util.global.store"(%[[TWO]]#0) {global = @w}
  // CHECK: "util.global.store"(%[[TWO]]#1) {global = @m.1}
  "pock.momentum"(%g, %lr) {parameter = @w, velocity = @m.0, offsets = array<i64: 1, 0>,
    sizes = array<i64: 2, 4>, momentum = 0.9 : f64, nesterov = false, weight_decay = 0.0 : f64}
    : (tensor<2x4xf32>, tensor<f32>) -> ()
  "pock.momentum"(%h, %lr) {parameter = @w, velocity = @m.1, offsets = array<i64: 5, 0>,
    sizes = array<i64: 3, 4>, momentum = 0.9 : f64, nesterov = false, weight_decay = 0.0 : f64}
    : (tensor<3x4xf32>, tensor<f32>) -> ()
  return %lr : tensor<f32>
}
