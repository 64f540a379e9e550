// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adam groups="v lr-scale=0.5"},schedule-learning-rate{kind=step every=3 decay=0.5})' | filecheck %s --check-prefix=STEP
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer,schedule-learning-rate{kind=cosine steps=8 final=0.25})' | filecheck %s --check-prefix=COSINE

// The count that Adam keeps is used, and the scale of a group is that of the scheduled rate.

// STEP-COUNT-1: sym_name = "optimizer.step"
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

// STEP-LABEL: func.func @train_step
// COSINE-LABEL: func.func @train_step
func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // STEP: stablehlo.floor
  // STEP: %[[RATE:.*]] = stablehlo.multiply %arg1
  // STEP: %[[HALF:.*]] = stablehlo.multiply %[[RATE]],
  // STEP: "pock.adam"(%arg0, %[[HALF]]
  // COSINE: dense<3.75{{.*}}>
  // COSINE: stablehlo.cosine
  // COSINE: "pock.sgd"
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}
