// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s

// State and updates are not lower-pock's business, nor is what StableHLO says well.

// CHECK: "pock.parameter"()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>, %rate: tensor<f32>) {
  // CHECK-NEXT: %[[W:.*]] = "pock.read"() {parameter = @w}
  // CHECK-NEXT: %[[G:.*]] = stablehlo.multiply %[[W]], %arg0
  // CHECK-NEXT: "pock.sgd"(%[[G]], %arg1)
  // CHECK-NEXT: return
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %g = stablehlo.multiply %w, %x : tensor<4xf32>
  "pock.sgd"(%g, %rate) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>,
    weight_decay = 0.0 : f64} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}
