// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock,cse)' | filecheck %s

// A mask is integer arithmetic on i32 that each of its users repeats: the step of the second is the
// same number in other words, since what is computed twice alike would be kept in memory.

// CHECK-LABEL: func.func @twice
// CHECK: %[[FIRST:.*]] = stablehlo.select {{.*}} : tensor<6xi1>, tensor<6xf32>
// CHECK: %[[M:.*]] = stablehlo.reshape %[[FIRST]]
// CHECK: stablehlo.multiply %arg1, %[[M]]
// CHECK: stablehlo.maximum %arg0, %{{.*}} : tensor<i32>
// CHECK: %[[SECOND:.*]] = stablehlo.select
// CHECK: %[[N:.*]] = stablehlo.reshape %[[SECOND]]
// CHECK: stablehlo.add %arg1, %[[N]]
// CHECK-NOT: i64
func.func @twice(%step: tensor<i32>, %x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %m = "pock.random_mask"(%step) {seed = 0, site = 0, keep = 0.5, value = 2.0} : (tensor<i32>) -> tensor<2x3xf32>
  %y = stablehlo.multiply %x, %m : tensor<2x3xf32>
  %z = stablehlo.add %x, %m : tensor<2x3xf32>
  return %y, %z : tensor<2x3xf32>, tensor<2x3xf32>
}
