// RUN: pock-opt %s --pass-pipeline='builtin.module(scale-loss,differentiate,accumulate-gradients,unscale-gradients,clip-gradients{norm=1},apply-optimizer)' | filecheck %s

// Gradients are added up as they are, of the scaled loss; what is looked at is their sum. Every batch
// returns its own loss, and only an update changes the factor.

"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
// CHECK-LABEL: func.func @accumulate_step
// CHECK: %[[LOSS:.*]] = stablehlo.reduce
// CHECK: "pock.accumulate"
// CHECK-NOT: loss_scale.exponent}
// CHECK: return %[[LOSS]]

// CHECK-LABEL: func.func @train_step
// CHECK: %[[LOSS:.*]] = stablehlo.reduce
// CHECK: %[[TOTAL:.*]] = "pock.accumulate"
// CHECK: %[[HALF:.*]] = stablehlo.constant dense<5.0{{.*}}> : tensor<f32>
// CHECK: stablehlo.compare LT
// CHECK: %[[FACTOR:.*]] = stablehlo.select
// CHECK: %[[OWN:.*]] = stablehlo.multiply %[[FACTOR]], %[[HALF]]
// CHECK: stablehlo.minimum
// CHECK: %[[CLIPPED:.*]] = stablehlo.multiply %[[OWN]],
// CHECK: "pock.sgd"(%[[TOTAL]], %{{.*}}, %[[CLIPPED]]) {accumulated = @w.gradient, guarded
// CHECK: return %[[LOSS]]
func.func @train_step(%x: tensor<2xf32> {pock.role = "input"}, %lr: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  %y = stablehlo.multiply %w, %x : tensor<2xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %loss = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<2xf32>, tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
