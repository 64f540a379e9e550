// RUN: pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=%S/Inputs/rows.toml},narrow-gradients,apply-optimizer)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=%S/Inputs/rows.toml},apply-optimizer,narrow-gradients)' | filecheck %s

// The pass has no options. Before or after apply-optimizer it does the same: here the gradient of a
// linear layer as PyTorch stores it, [out, in], by the rows 0 and 2 to 3.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<6x4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x4xf32>, %dy: tensor<2x6xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
  // CHECK-DAG: %[[A:.*]] = stablehlo.slice %arg1 [0:2, 0:1]
  // CHECK-DAG: %[[B:.*]] = stablehlo.slice %arg1 [0:2, 2:4]
  // CHECK-DAG: stablehlo.dot_general %arg0, %[[A]], {{.*}} -> tensor<4x1xf32>
  // CHECK-DAG: stablehlo.dot_general %arg0, %[[B]], {{.*}} -> tensor<4x2xf32>
  // CHECK-COUNT-2: "pock.sgd"
  // CHECK-NEXT: return
  %g = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<2x4xf32>, tensor<2x6xf32>) -> tensor<4x6xf32>
  %t = stablehlo.transpose %g, dims = [1, 0] : (tensor<4x6xf32>) -> tensor<6x4xf32>
  "pock.update"(%t) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 6, 4>}
    : (tensor<6x4xf32>) -> ()
  return
}
