// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients)' | filecheck %s --check-prefix=TWO
// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients{steps=1})' | filecheck %s --check-prefix=ONE
// RUN: pock-opt %s --pass-pipeline='builtin.module(accumulate-gradients,apply-optimizer{kind=lion})' | filecheck %s --check-prefix=LION

// Slices of one parameter have buffers of their own; with one batch there is nothing to add up.

// TWO: layout = array<i64: 1, 0>, sym_name = "w.gradient.0", type = tensor<1x3xf32>
// TWO: sym_name = "w.gradient.1", type = tensor<2x3xf32>
// TWO: dense<5.0{{.*}}> : tensor<f32>
// ONE-NOT: accumulate
// LION: "pock.lion"(%{{.*}}, %arg2, %{{.*}}) {accumulated = @w.gradient.0
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>, layout = array<i64: 1, 0>} : () -> ()

func.func @train_step(%g: tensor<1x3xf32>, %h: tensor<2x3xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 1, 3>} : (tensor<1x3xf32>) -> ()
  "pock.update"(%h) {parameter = @w, offsets = array<i64: 2, 0>, sizes = array<i64: 2, 3>} : (tensor<2x3xf32>) -> ()
  return
}
