// RUN: pock-opt %s --pass-pipeline='builtin.module(scale-loss)' | filecheck %s

// The loss times 2^(16 + e): e is state, the factor is made of the bits of its exponent.

"pock.parameter"() {sym_name = "w", type = tensor<f32>, kind = "weight"} : () -> ()
// CHECK: sym_name = "loss_scale.exponent", type = tensor<i32>
// CHECK: sym_name = "loss_scale.good_steps", type = tensor<i32>
// CHECK: func.func @train_step
// CHECK: %[[W:.*]] = "pock.read"() {parameter = @w}
// CHECK: %[[E:.*]] = "pock.read"() {parameter = @loss_scale.exponent}
// CHECK: %[[FIRST:.*]] = stablehlo.constant dense<16>
// CHECK: stablehlo.add %[[E]], %[[FIRST]]
// CHECK: stablehlo.shift_left
// CHECK: %[[SCALE:.*]] = stablehlo.bitcast_convert
// CHECK: %[[SCALED:.*]] = stablehlo.multiply %[[W]], %[[SCALE]] {pock.loss_scale}
// CHECK: return %[[SCALED]]
func.func @train_step() -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  return %w : tensor<f32>
}
