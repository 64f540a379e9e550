// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss)' | filecheck %s

// @forward becomes @predict, beside a @train_step that ends in the loss.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[X:.*]]: tensor<8x4xf32> {pock.role = "input"}
// CHECK-SAME: %[[LABELS:.*]]: tensor<8xi32> {pock.role = "target"}
// CHECK-SAME: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32>
// CHECK: %[[Y:.*]] = stablehlo.dot_general %[[X]]
// CHECK: %[[LOSS:.*]] = "pock.softmax_cross_entropy"(%[[Y]], %[[LABELS]])
// CHECK: return %[[LOSS]]

// CHECK-LABEL: func.func @predict(%arg0: tensor<8x4xf32>) -> tensor<8x3xf32>
// CHECK: %[[Y:.*]] = stablehlo.dot_general
// CHECK-NEXT: return %[[Y]]
// CHECK-NOT: @forward
func.func @forward(%x: tensor<8x4xf32>) -> tensor<8x3xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<4x3xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<8x4xf32>, tensor<4x3xf32>) -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}
