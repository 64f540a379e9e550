// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate,canonicalize)' --split-input-file | filecheck %s

// A sum: the operand's gradient is the gradient itself; the updates get what is where they were
// added, and nothing where they were dropped for lying outside.

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[I:.*]]: tensor<3x1xi32>, %[[DY:.*]]: tensor<5x2xf32>)
// CHECK: stablehlo.and
// CHECK: %[[TAKEN:.*]] = "stablehlo.gather"({{.*}}, %[[I]])
// CHECK: %[[DU:.*]] = stablehlo.select %{{.*}}, %[[TAKEN]]
// CHECK-DAG: "pock.update"(%[[DU]]) {{.*}}@u
// CHECK-NOT: "stablehlo.scatter"
// CHECK: return
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5x2xf32>} : () -> ()
"pock.parameter"() {sym_name = "u", kind = "weight", type = tensor<3x2xf32>} : () -> ()
func.func @train_step(%i: tensor<3x1xi32>, %dy: tensor<5x2xf32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<5x2xf32>
  %u = "pock.read"() {parameter = @u} : () -> tensor<3x2xf32>
  %y = "stablehlo.scatter"(%w, %i, %u) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1],
      inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}
    : (tensor<5x2xf32>, tensor<3x1xi32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Overwriting, at indices that are all different: zeros where something was written. Nothing has to
// find out which update was the last one.

// CHECK-LABEL: func.func @train_step(
// CHECK: "stablehlo.scatter"
// CHECK: %[[DW:.*]] = "stablehlo.scatter"
// CHECK-SAME: unique_indices = true
// CHECK: stablehlo.return %{{.*}} : tensor<f32>
// CHECK-NOT: stablehlo.iota
// CHECK: "pock.update"(%[[DW]]) {{.*}}@w
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<5x2xf32>} : () -> ()
func.func @train_step(%i: tensor<3x1xi32>, %u: tensor<3x2xf32>, %dy: tensor<5x2xf32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<5x2xf32>
  %y = "stablehlo.scatter"(%w, %i, %u) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1],
      inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>,
      unique_indices = true}
    : (tensor<5x2xf32>, tensor<3x1xi32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
