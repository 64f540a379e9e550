// RUN: pock-opt %s --pass-pipeline='builtin.module(schedule-learning-rate{kind=linear warmup=10 steps=100})' | filecheck %s

// CHECK: sym_name = "optimizer.step", type = tensor<f32>
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // CHECK: %[[DONE:.*]] = "pock.read"() {parameter = @optimizer.step}
  // CHECK: %[[THIS:.*]] = stablehlo.add %[[DONE]]
  // CHECK: dense<1.000000e+01>
  // CHECK: stablehlo.divide %[[THIS]]
  // CHECK: dense<9.000000e+01>
  // CHECK: %[[RATE:.*]] = stablehlo.multiply %arg1
  // CHECK: "pock.assign"(%[[THIS]]) {parameter = @optimizer.step}
  // CHECK: "pock.sgd"(%arg0, %[[RATE]])
  "pock.sgd"(%h, %rate) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>, weight_decay = 0.0 : f64} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}
