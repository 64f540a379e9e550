// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The gradient by the right-hand side is a solution with the transposed matrix; that by the matrix
// is a product with the solution, kept to the triangle that was read.

"pock.parameter"() {sym_name = "a", kind = "weight", type = tensor<3x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<3x2xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<3x2xf32>) -> tensor<f32> {
  // CHECK: %[[A:.*]] = "pock.read"() {parameter = @a}
  // CHECK: %[[X:.*]] = "stablehlo.triangular_solve"(%[[A]], %{{.*}}transpose_a = #stablehlo<transpose NO_TRANSPOSE>
  // CHECK: %[[DB:.*]] = "stablehlo.triangular_solve"(%[[A]], %{{.*}}transpose_a = #stablehlo<transpose TRANSPOSE>
  // CHECK: %[[P:.*]] = stablehlo.dot_general %[[DB]], %[[X]], contracting_dims = [1] x [1]
  // CHECK: stablehlo.compare GE
  // CHECK: %[[T:.*]] = stablehlo.select %{{.*}}, %[[P]]
  // CHECK: "pock.update"(%[[DB]])
  // CHECK: %[[DA:.*]] = stablehlo.negate %[[T]]
  // CHECK-NEXT: "pock.update"(%[[DA]])
  %a = "pock.read"() {parameter = @a} : () -> tensor<3x3xf32>
  %b = "pock.read"() {parameter = @b} : () -> tensor<3x2xf32>
  %x = "stablehlo.triangular_solve"(%a, %b) {left_side = true, lower = true, unit_diagonal = false,
      transpose_a = #stablehlo<transpose NO_TRANSPOSE>}
    : (tensor<3x3xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %loss = stablehlo.dot_general %x, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// A factor: two solutions around the lower triangle of l^T dl.

"pock.parameter"() {sym_name = "a", kind = "weight", type = tensor<3x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<3x3xf32>) -> tensor<f32> {
  // CHECK: %[[L:.*]] = stablehlo.cholesky
  // CHECK: stablehlo.dot_general %[[L]], %{{.*}}, contracting_dims = [0] x [0]
  // CHECK: %[[S:.*]] = "stablehlo.triangular_solve"(%[[L]], {{.*}}left_side = true
  // CHECK: "stablehlo.triangular_solve"(%[[L]], %[[S]]){{.*}}left_side = false
  // CHECK: "pock.update"
  %a = "pock.read"() {parameter = @a} : () -> tensor<3x3xf32>
  %l = stablehlo.cholesky %a, lower = true : tensor<3x3xf32>
  %loss = stablehlo.dot_general %l, %dy, contracting_dims = [0, 1] x [0, 1]
    : (tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
