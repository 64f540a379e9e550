// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' --verify-diagnostics

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// All that is left to lower is named at once.
func.func @train_step(%z: tensor<4x3xf32>, %t: tensor<4xi32>, %g: tensor<4xf32>) -> tensor<f32> {
  // expected-error @below {{'pock.update' has no optimizer: run apply-optimizer first}}
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>}
    : (tensor<4xf32>) -> ()
  // expected-error @below {{'pock.softmax_cross_entropy' has no form in IREE: run lower-pock first}}
  %loss = "pock.softmax_cross_entropy"(%z, %t) : (tensor<4x3xf32>, tensor<4xi32>) -> tensor<f32>
  return %loss : tensor<f32>
}
