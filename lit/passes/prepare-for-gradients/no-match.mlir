// RUN: pock-opt %s --pass-pipeline='builtin.module(prepare-for-gradients)' | filecheck %s

// Functions keep their names and order; a branch that is not known, a loop, and an einsum that takes
// a diagonal are left.

// CHECK-LABEL: func.func @first
// CHECK: stablehlo.einsum {{.*}} "aa,a->a"
// CHECK-LABEL: func.func @second
// CHECK: "stablehlo.if"
func.func @first(%x: tensor<3x3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = stablehlo.einsum %x, %y, config = "aa,a->a" : (tensor<3x3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %1 = stablehlo.get_dimension_size %x, dim = 0 : (tensor<3x3xf32>) -> tensor<i32>
  return %0 : tensor<3xf32>
}
func.func @second(%p: tensor<i1>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "stablehlo.if"(%p) ({
    %1 = stablehlo.sine %x : tensor<3xf32>
    stablehlo.return %1 : tensor<3xf32>
  }, {
    stablehlo.return %x : tensor<3xf32>
  }) : (tensor<i1>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
