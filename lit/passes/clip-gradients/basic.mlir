// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=2})' | filecheck %s

// Every gradient goes into the norm before any weight changes.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<2x3xf32>, %h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // CHECK:     stablehlo.dot_general
  // CHECK:     %[[ONE:.*]] = stablehlo.reduce
  // CHECK:     stablehlo.dot_general
  // CHECK:     %[[OTHER:.*]] = stablehlo.reduce
  // CHECK:     %[[TOTAL:.*]] = stablehlo.add
  // CHECK:     %[[NORM:.*]] = stablehlo.sqrt %[[TOTAL]]
  // CHECK:     dense<2.000000e+00>
  // CHECK:     %[[SCALE:.*]] = stablehlo.minimum
  // CHECK:     "pock.update"(%arg0, %[[SCALE]])
  // CHECK:     "pock.update"(%arg1, %[[SCALE]])
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 3>} : (tensor<2x3xf32>) -> ()
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}
