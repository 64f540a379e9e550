// RUN: pock-opt %s --pass-pipeline='builtin.module(narrow-gradients)' | filecheck %s

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4x6xf32>} : () -> ()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x6xf32>} : () -> ()

// A slice that is no update's, the model's own crop, stays where it is.
// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<4x6xf32>) -> tensor<2x6xf32> {
  // CHECK-NEXT: stablehlo.tanh %arg0 : tensor<4x6xf32>
  // CHECK-NEXT: stablehlo.slice
  %y = stablehlo.tanh %x : tensor<4x6xf32>
  %z = stablehlo.slice %y [1:3, 0:6] : (tensor<4x6xf32>) -> tensor<2x6xf32>
  return %z : tensor<2x6xf32>
}

// A gradient that another update needs whole is computed once, and whole.
// CHECK-LABEL: func.func @shared
func.func @shared(%x: tensor<2x4xf32>, %dy: tensor<2x6xf32>) {
  // CHECK-NEXT: %[[G:.*]] = stablehlo.dot_general %arg0, %arg1, {{.*}} -> tensor<4x6xf32>
  // CHECK-NEXT: stablehlo.slice %[[G]]
  // CHECK-NOT: stablehlo.dot_general
  // CHECK: return
  %g = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<2x4xf32>, tensor<2x6xf32>) -> tensor<4x6xf32>
  %part = stablehlo.slice %g [1:3, 0:6] : (tensor<4x6xf32>) -> tensor<2x6xf32>
  "pock.update"(%part) {parameter = @v, offsets = array<i64: 1, 0>, sizes = array<i64: 2, 6>}
    : (tensor<2x6xf32>) -> ()
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 6>}
    : (tensor<4x6xf32>) -> ()
  return
}
