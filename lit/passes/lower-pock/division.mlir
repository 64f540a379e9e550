// RUN: pock-opt %s --pass-pipeline='builtin.module(lower-pock)' | filecheck %s

// What many numbers are divided by is inverted once.
// CHECK-LABEL: func.func @softmax
func.func @softmax(%e: tensor<8x128xf32>, %s: tensor<8xf32>) -> tensor<8x128xf32> {
  // CHECK: %[[INVERSE:.*]] = stablehlo.divide %{{.*}}, %arg1 : tensor<8xf32>
  // CHECK: %[[SPREAD:.*]] = stablehlo.broadcast_in_dim %[[INVERSE]], dims = [0]
  // CHECK: stablehlo.multiply %arg0, %[[SPREAD]]
  %spread = stablehlo.broadcast_in_dim %s, dims = [0] : (tensor<8xf32>) -> tensor<8x128xf32>
  %y = stablehlo.divide %e, %spread : tensor<8x128xf32>
  return %y : tensor<8x128xf32>
}

// Whole numbers have no inverse, and a constant has been inverted before.
// CHECK-LABEL: func.func @left_alone
func.func @left_alone(%e: tensor<8x2xi32>, %s: tensor<8xi32>, %x: tensor<8x2xf32>)
    -> (tensor<8x2xi32>, tensor<8x2xf32>) {
  // CHECK: stablehlo.divide {{.*}} : tensor<8x2xi32>
  // CHECK: stablehlo.divide {{.*}} : tensor<8x2xf32>
  %spread = stablehlo.broadcast_in_dim %s, dims = [0] : (tensor<8xi32>) -> tensor<8x2xi32>
  %y = stablehlo.divide %e, %spread : tensor<8x2xi32>
  %three = stablehlo.constant dense<3.0> : tensor<f32>
  %threes = stablehlo.broadcast_in_dim %three, dims = [] : (tensor<f32>) -> tensor<8x2xf32>
  %z = stablehlo.divide %x, %threes : tensor<8x2xf32>
  return %y, %z : tensor<8x2xi32>, tensor<8x2xf32>
}
