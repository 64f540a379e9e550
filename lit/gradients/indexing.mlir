// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// A gather clamps its indices, a scatter drops what is out of bounds: so they are clamped for it.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%i: tensor<2xi64>, %dy: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK: stablehlo.dot_general
  // CHECK: %[[LOW:.*]] = stablehlo.maximum %arg0
  // CHECK: %[[I:.*]] = stablehlo.minimum %[[LOW]]
  // CHECK: %[[D:.*]] = "stablehlo.scatter"(%{{.*}}, %[[I]], {{.*}}inserted_window_dims = [0]
  // CHECK: stablehlo.add
  // CHECK: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<5x3xf32>
  %y = "stablehlo.gather"(%w, %i) {dimension_numbers = #stablehlo.gather<offset_dims = [1],
    collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>,
    slice_sizes = array<i64: 1, 3>} : (tensor<5x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%i: tensor<i32>, %dy: tensor<3xf32>) -> tensor<f32> {
  // CHECK: %[[D:.*]] = stablehlo.dynamic_update_slice %{{.*}}, %{{.*}}, %arg0
  // CHECK: "pock.update"(%[[D]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<5xf32>
  %y = stablehlo.dynamic_slice %w, %i, sizes = [3] : (tensor<5xf32>, tensor<i32>) -> tensor<3xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0] x [0]
    : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
