// RUN: pock-opt %s --pass-pipeline='builtin.module(expand-optimizer)' | filecheck %s

// The pass has no options. The slices of a parameter meet in one assignment of its whole value.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<1x3xf32>, %h: tensor<2x3xf32>, %rate: tensor<f32>) {
  // CHECK:     %[[W:.*]] = "pock.read"() {parameter = @w}
  // CHECK:     stablehlo.slice %[[W]] [0:1, 0:3]
  // CHECK:     %[[ONE:.*]] = stablehlo.dynamic_update_slice %[[W]],
  // CHECK-NOT: pock.assign
  // CHECK:     stablehlo.slice {{.*}} [2:4, 0:3]
  // CHECK:     %[[TWO:.*]] = stablehlo.dynamic_update_slice %[[ONE]],
  // CHECK:     "pock.assign"(%[[TWO]]) {parameter = @w}
  "pock.sgd"(%g, %rate) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 1, 3>,
    weight_decay = 0.0 : f64} : (tensor<1x3xf32>, tensor<f32>) -> ()
  "pock.sgd"(%h, %rate) {parameter = @w, offsets = array<i64: 2, 0>, sizes = array<i64: 2, 3>,
    weight_decay = 0.0 : f64} : (tensor<2x3xf32>, tensor<f32>) -> ()
  return
}
