// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s

// The gradient of an embedding: tokens of the same index are added up by a matrix product, then each
// row of the table looks its sum up; row 0 of the sums is of those that no token has.

// CHECK-LABEL: func.func @train_step
func.func @train_step(%ids: tensor<2x3xi32>, %rows: tensor<2x3x8xf32>) -> tensor<50x8xf32> {
  // CHECK-NOT: stablehlo.scatter
  // CHECK: %[[SAME:.*]] = stablehlo.convert {{.*}} : (tensor<6x6xi1>) -> tensor<6x6xf32>
  // CHECK: %[[SUMS:.*]] = stablehlo.dot_general %[[SAME]]
  // CHECK: %[[PADDED:.*]] = stablehlo.pad %[[SUMS]]{{.*}} -> tensor<7x8xf32>
  // CHECK: stablehlo.reduce({{.*}}) applies stablehlo.maximum across dimensions = [1]
  // CHECK: %[[PLACE:.*]] = stablehlo.convert {{.*}} : (tensor<50xf32>) -> tensor<50xi32>
  // CHECK: "stablehlo.gather"(%[[PADDED]], %[[PLACE]]) {{.*}}pock.inside
  %zero = stablehlo.constant dense<0.0> : tensor<50x8xf32>
  %sum = "stablehlo.scatter"(%zero, %ids, %rows) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %0 = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %0 : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [2],
      inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 2>}
    : (tensor<50x8xf32>, tensor<2x3xi32>, tensor<2x3x8xf32>) -> tensor<50x8xf32>
  return %sum : tensor<50x8xf32>
}
