// RUN: pock-opt %s --pass-pipeline='builtin.module(unscale-gradients)' --split-input-file --verify-diagnostics
// RUN: not pock-opt %s --pass-pipeline='builtin.module(unscale-gradients{interval=0})' --split-input-file 2>&1 | filecheck %s

// CHECK: error: interval must be positive, got 0

"pock.parameter"() {sym_name = "w", type = tensor<f32>, kind = "weight"} : () -> ()
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = stablehlo.multiply %w, %x : tensor<f32>
  // expected-error @+1 {{unscale gradients before they are clipped}}
  "pock.update"(%x, %x) {parameter = @w, offsets = array<i64>, sizes = array<i64>} : (tensor<f32>, tensor<f32>) -> ()
  // expected-error @+1 {{the loss is not scaled: run scale-loss first}}
  return %y : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<f32>, kind = "weight"} : () -> ()
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{'pock.update' op 'guarded' needs a scale}}
  "pock.update"(%x) {parameter = @w, offsets = array<i64>, sizes = array<i64>, guarded} : (tensor<f32>) -> ()
  return %x : tensor<f32>
}
