// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' | filecheck %s

// @w is read on both branches of a residual connection: the gradients are added, and there is one
// update. The buffer gets none, and the assignment stays.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<2x3xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>, %dy: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK: %[[H:.*]] = stablehlo.dot_general %arg0
  // CHECK: "pock.assign"
  // CHECK: %[[LOSS:.*]] = stablehlo.dot_general {{.*}} contracting_dims = [0, 1] x [0, 1]
  // CHECK: %[[DH2:.*]] = stablehlo.dot_general {{.*}} contracting_dims = [1] x [1]
  // CHECK: %[[DW2:.*]] = stablehlo.dot_general %[[H]], {{.*}} contracting_dims = [0] x [0]
  // CHECK: %[[DH:.*]] = stablehlo.add %{{.*}}, %[[DH2]]
  // CHECK: %[[DW1:.*]] = stablehlo.dot_general %arg0, %[[DH]], contracting_dims = [0] x [0]
  // CHECK: %[[DW:.*]] = stablehlo.add %[[DW2]], %[[DW1]]
  // CHECK-NEXT: "pock.update"(%[[DW]]) {offsets = array<i64: 0, 0>, parameter = @w, sizes = array<i64: 3, 3>}
  // CHECK-NEXT: return %[[LOSS]]
  %w1 = "pock.read"() {parameter = @w} : () -> tensor<3x3xf32>
  %mean = "pock.read"() {parameter = @mean} : () -> tensor<2x3xf32>
  %h = stablehlo.dot_general %x, %w1, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  "pock.assign"(%h) {parameter = @mean} : (tensor<2x3xf32>) -> ()
  %w2 = "pock.read"() {parameter = @w} : () -> tensor<3x3xf32>
  %g = stablehlo.dot_general %h, %w2, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %sum = stablehlo.add %h, %g : tensor<2x3xf32>
  %y = stablehlo.subtract %sum, %mean : tensor<2x3xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
