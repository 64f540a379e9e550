// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients{steps=4})' | filecheck %s

// CHECK: sym_name = "w.gradient", type = tensor<2x3xf32>
// CHECK: sym_name = "v.gradient", type = tensor<4xf32>
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<4xf32>} : () -> ()

// What else a step assigns, it assigns for every batch.
// CHECK-LABEL: func.func @accumulate_step(%arg0: tensor<2x3xf32>, %arg1: tensor<4xf32>) -> tensor<f32>
// CHECK:     "pock.assign"(%arg1) {parameter = @mean}
// CHECK:     "pock.accumulate"(%arg0) {parameter = @w.gradient} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK:     "pock.accumulate"(%arg1) {parameter = @v.gradient}
// CHECK-NOT: pock.update

// CHECK-LABEL: func.func @train_step
// CHECK:      %[[TOTAL:.*]] = "pock.accumulate"(%arg0) {parameter = @w.gradient}
// CHECK-NEXT: %[[QUARTER:.*]] = stablehlo.constant dense<2.500000e-01> : tensor<f32>
// CHECK-NEXT: "pock.update"(%[[TOTAL]], %[[QUARTER]]) {accumulated = @w.gradient, offsets = array<i64: 1, 0>, parameter = @w, sizes = array<i64: 2, 3>}
// CHECK:      "pock.update"({{.*}}accumulated = @v.gradient
func.func @train_step(%g: tensor<2x3xf32>, %h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %loss = stablehlo.constant dense<1.0> : tensor<f32>
  "pock.assign"(%h) {parameter = @mean} : (tensor<4xf32>) -> ()
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 3>} : (tensor<2x3xf32>) -> ()
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return %loss : tensor<f32>
}
