// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{value=0.5},apply-optimizer)' | filecheck %s --check-prefix=VALUE
// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=1 gradients=twice},cse,apply-optimizer)' | filecheck %s --check-prefix=TWICE
// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients,clip-gradients{norm=1})' | filecheck %s --check-prefix=SUM

// Twice is worth it where the operands are smaller than what they make.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<40x30xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

// VALUE-LABEL: func.func @train_step
// TWICE-LABEL: func.func @train_step
// SUM-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x40xf32>, %dy: tensor<2x30xf32>, %h: tensor<4xf32>,
    %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // VALUE: %[[D:.*]] = stablehlo.dot_general
  // VALUE: "pock.sgd"(%[[D]], %arg3) {clip_value = 5.0

  // TWICE: stablehlo.dot_general %arg0, %arg1
  // TWICE: %[[X:.*]] = stablehlo.optimization_barrier %arg0
  // TWICE: %[[DY:.*]] = stablehlo.optimization_barrier %arg1
  // TWICE: %[[D:.*]] = stablehlo.dot_general %[[X]], %[[DY]]
  // TWICE: "pock.sgd"(%[[D]], %arg3, %
  // TWICE: "pock.sgd"(%arg2, %arg3, %

  // SUM: %[[D:.*]] = "pock.accumulate"
  // SUM: stablehlo.dot_general %[[D]], %[[D]]
  // SUM: "pock.update"(%[[D]], %{{.*}}) {accumulated = @w.gradient
  %d = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0] : (tensor<2x40xf32>, tensor<2x30xf32>) -> tensor<40x30xf32>
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 40, 30>} : (tensor<40x30xf32>) -> ()
  "pock.update"(%h) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return
}
