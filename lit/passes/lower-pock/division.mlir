// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s

// What the exponentials of a softmax are divided by is inverted once.
// CHECK-LABEL: func.func @softmax
func.func @softmax(%x: tensor<8x128xf32>) -> tensor<8x128xf32> {
  // CHECK: %[[E:.*]] = stablehlo.exponential
  // CHECK: %[[SUM:.*]] = stablehlo.reduce(%[[E]]
  // CHECK: %[[INVERSE:.*]] = stablehlo.divide %{{.*}}, %[[SUM]] : tensor<8xf32>
  // CHECK: %[[SPREAD:.*]] = stablehlo.broadcast_in_dim %[[INVERSE]], dims = [0]
  // CHECK: stablehlo.multiply %[[E]], %[[SPREAD]]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %e = stablehlo.exponential %x : tensor<8x128xf32>
  %s = stablehlo.reduce(%e init: %zero) applies stablehlo.add across dimensions = [1]
    : (tensor<8x128xf32>, tensor<f32>) -> tensor<8xf32>
  %spread = stablehlo.broadcast_in_dim %s, dims = [0] : (tensor<8xf32>) -> tensor<8x128xf32>
  %y = stablehlo.divide %e, %spread : tensor<8x128xf32>
  return %y : tensor<8x128xf32>
}

// Other quotients may be rounded down to a number that a product with the inverse misses.
// CHECK-LABEL: func.func @left_alone
func.func @left_alone(%x: tensor<8x2xf32>, %s: tensor<8xf32>) -> tensor<8x2xf32> {
  // CHECK: stablehlo.divide {{.*}} : tensor<8x2xf32>
  %spread = stablehlo.broadcast_in_dim %s, dims = [0] : (tensor<8xf32>) -> tensor<8x2xf32>
  %y = stablehlo.divide %x, %spread : tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}
