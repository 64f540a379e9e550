// RUN: pock-opt %s --pass-pipeline='builtin.module(simplify)' | filecheck %s

// CHECK-LABEL: func.func @arithmetic
func.func @arithmetic(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  // CHECK-NEXT: %[[SQUARE:.*]] = stablehlo.multiply %arg0, %arg0
  // CHECK-NEXT: return %arg0, %[[SQUARE]]
  %zero = stablehlo.constant dense<0.0> : tensor<4xf32>
  %one = stablehlo.constant dense<1.0> : tensor<4xf32>
  %two = stablehlo.constant dense<2.0> : tensor<4xf32>
  %0 = stablehlo.add %zero, %x : tensor<4xf32>
  %1 = stablehlo.multiply %0, %one : tensor<4xf32>
  %2 = stablehlo.power %1, %two : tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// A value per channel stays a vector until it is broadcast.

// CHECK-LABEL: func.func @channels
func.func @channels(%v: tensor<8xf32>) -> tensor<2x8x4xf32> {
  // CHECK-DAG: %[[TWO:.*]] = stablehlo.constant dense<2.000000e+00> : tensor<8xf32>
  // CHECK-DAG: %[[SUM:.*]] = stablehlo.add %arg0, %[[TWO]] : tensor<8xf32>
  // CHECK: stablehlo.broadcast_in_dim %[[SUM]], dims = [1]
  %two = stablehlo.constant dense<2.0> : tensor<1x8x1xf32>
  %r = stablehlo.reshape %v : (tensor<8xf32>) -> tensor<1x8x1xf32>
  %sum = stablehlo.add %r, %two : tensor<1x8x1xf32>
  %b = stablehlo.broadcast_in_dim %sum, dims = [0, 1, 2] : (tensor<1x8x1xf32>) -> tensor<2x8x4xf32>
  return %b : tensor<2x8x4xf32>
}

// CHECK-LABEL: func.func @contraction
func.func @contraction(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>) -> tensor<2x4xf32> {
  // CHECK-NEXT: stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [1]
  %t = stablehlo.transpose %w, dims = [1, 0] : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %y = stablehlo.dot_general %x, %t, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @clamps
func.func @clamps(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK-DAG: %[[ZERO:.*]] = stablehlo.constant dense<0.000000e+00> : tensor<f32>
  // CHECK-DAG: %[[SIX:.*]] = stablehlo.constant dense<6.000000e+00> : tensor<f32>
  // CHECK: stablehlo.clamp %[[ZERO]], %arg0, %[[SIX]]
  // CHECK-NEXT: return
  %least = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %six = stablehlo.constant dense<6.0> : tensor<f32>
  %most = stablehlo.constant dense<0x7F800000> : tensor<f32>
  %0 = stablehlo.clamp %zero, %x, %most : (tensor<f32>, tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = stablehlo.clamp %least, %0, %six : (tensor<f32>, tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
