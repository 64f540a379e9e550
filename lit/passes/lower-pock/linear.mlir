// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=fft:contraction})' | filecheck %s --check-prefix=MATRIX

// Backends have no kernels for factorisations and solutions: they become loops.

// CHECK-LABEL: func.func @factor
// CHECK-NOT: stablehlo.cholesky
func.func @factor(%a: tensor<3x3xf32>) -> tensor<3x3xf32> {
  // CHECK: stablehlo.while
  // CHECK: stablehlo.sqrt
  // CHECK: stablehlo.dynamic_update_slice
  %l = stablehlo.cholesky %a, lower = true : tensor<3x3xf32>
  return %l : tensor<3x3xf32>
}

// CHECK-LABEL: func.func @solve
// CHECK-NOT: stablehlo.triangular_solve
func.func @solve(%a: tensor<3x3xf32>, %c: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // x a = c is a^T x^T = c^T
  // CHECK-DAG: stablehlo.transpose %arg0
  // CHECK-DAG: stablehlo.transpose %arg1
  // CHECK: stablehlo.while
  // CHECK: stablehlo.divide
  %x = "stablehlo.triangular_solve"(%a, %c) {left_side = false, lower = true,
      unit_diagonal = false, transpose_a = #stablehlo<transpose NO_TRANSPOSE>}
    : (tensor<3x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %x : tensor<2x3xf32>
}

// A transform of a power of two stays, unless another form is asked for.

// CHECK-LABEL: func.func @eight
// MATRIX-LABEL: func.func @eight
func.func @eight(%x: tensor<8xf32>) -> tensor<5xcomplex<f32>> {
  // CHECK: stablehlo.fft
  // MATRIX-NOT: stablehlo.fft
  // MATRIX-COUNT-2: stablehlo.dot_general
  %y = stablehlo.fft %x, type = RFFT, length = [8] : (tensor<8xf32>) -> tensor<5xcomplex<f32>>
  return %y : tensor<5xcomplex<f32>>
}

// Any other one is a contraction for the real part and one for the imaginary part.

// CHECK-LABEL: func.func @six
func.func @six(%x: tensor<6xf32>) -> tensor<4xcomplex<f32>> {
  // CHECK-NOT: stablehlo.fft
  // CHECK-COUNT-2: stablehlo.dot_general {{.*}} -> tensor<4xf32>
  // CHECK: stablehlo.complex
  %y = stablehlo.fft %x, type = RFFT, length = [6] : (tensor<6xf32>) -> tensor<4xcomplex<f32>>
  return %y : tensor<4xcomplex<f32>>
}

// What was scattered where windows overlap is added up place by place.

// CHECK-LABEL: func.func @scattered
func.func @scattered(%x: tensor<5xf32>, %s: tensor<2xf32>) -> tensor<5xf32> {
  // CHECK-NOT: stablehlo.select_and_scatter
  // CHECK-COUNT-3: stablehlo.pad %{{.*}} interior = [1]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %y = "stablehlo.select_and_scatter"(%x, %s, %zero) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.compare GE, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  }, {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 3>, window_strides = array<i64: 2>}
    : (tensor<5xf32>, tensor<2xf32>, tensor<f32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}
