// RUN: pock-opt %s --transform-preload-library=transform-library-paths=%S/Inputs/schedule.mlir --transform-interpreter | filecheck %s

// A schedule from a file of its own.

// CHECK: pock.sgd
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @train_step(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
  return
}
