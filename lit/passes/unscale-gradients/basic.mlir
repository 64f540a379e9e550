// RUN: pock-opt %s --pass-pipeline='builtin.module(scale-loss,differentiate,unscale-gradients{interval=3},apply-optimizer{kind=adamw},canonicalize)' | filecheck %s

// The loss is returned as it was; the update is guarded by a scale that is 0 where the gradient is
// not finite, and a step that is skipped is not counted.

"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
// CHECK-LABEL: func.func @train_step
// CHECK-DAG: %[[INF:.*]] = stablehlo.constant dense<0x7F800000>
// CHECK-DAG: %[[INTERVAL:.*]] = stablehlo.constant dense<3>
// CHECK: %[[LOSS:.*]] = stablehlo.reduce
// CHECK: %[[SQUARES:.*]] = stablehlo.dot_general
// CHECK: %[[SUM:.*]] = stablehlo.reduce(%[[SQUARES]]
// CHECK: %[[FINITE:.*]] = stablehlo.compare LT, %[[SUM]], %[[INF]]
// CHECK: %[[INVERSE:.*]] = stablehlo.bitcast_convert
// CHECK: %[[SCALE:.*]] = stablehlo.select %[[FINITE]], %[[INVERSE]]
// CHECK: "pock.adamw"({{.*}}, %[[SCALE]])
// CHECK-SAME: guarded
// CHECK: stablehlo.compare EQ, %{{.*}}, %[[INTERVAL]]
// CHECK: "pock.assign"(%{{.*}}) {parameter = @loss_scale.exponent}
// CHECK: "pock.assign"(%{{.*}}) {parameter = @loss_scale.good_steps}
// CHECK: %[[APPLIED:.*]] = stablehlo.compare GT, %[[SCALE]]
// CHECK: %[[COUNT:.*]] = stablehlo.select %[[APPLIED]]
// CHECK: "pock.assign"(%[[COUNT]]) {parameter = @optimizer.step}
// CHECK: return %[[LOSS]]
func.func @train_step(%x: tensor<2xf32> {pock.role = "input"}, %lr: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  %y = stablehlo.multiply %w, %x : tensor<2xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %loss = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<2xf32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
