// RUN: pock-opt %s --pass-pipeline='builtin.module(unroll-loops,canonicalize)' --split-input-file | filecheck %s

// The counter is a constant in each copy, what is carried along is used where it is.

// CHECK-LABEL: func.func @upwards
// CHECK-SAME: (%[[X:.*]]: tensor<f32>, %[[K:.*]]: tensor<f32>)
// CHECK-DAG: %[[C0:.*]] = stablehlo.constant dense<3> : tensor<i32>
// CHECK-DAG: %[[C1:.*]] = stablehlo.constant dense<5> : tensor<i32>
// CHECK: %[[F0:.*]] = stablehlo.convert %[[C0]]
// CHECK: %[[Y0:.*]] = stablehlo.multiply %[[X]], %[[F0]]
// CHECK: %[[Z0:.*]] = stablehlo.add %[[Y0]], %[[K]]
// CHECK: %[[F1:.*]] = stablehlo.convert %[[C1]]
// CHECK: %[[Y1:.*]] = stablehlo.multiply %[[Z0]], %[[F1]]
// CHECK: %[[Z1:.*]] = stablehlo.add %[[Y1]], %[[K]]
// CHECK: return %[[Z1]]
func.func @upwards(%x: tensor<f32>, %k: tensor<f32>) -> tensor<f32> {
  %c3 = stablehlo.constant dense<3> : tensor<i32>
  %c2 = stablehlo.constant dense<2> : tensor<i32>
  %c6 = stablehlo.constant dense<6> : tensor<i32>
  %r:3 = stablehlo.while(%i = %c3, %a = %k, %b = %x) : tensor<i32>, tensor<f32>, tensor<f32>
  cond {
    %c = stablehlo.compare LE, %i, %c6 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %f = stablehlo.convert %i : (tensor<i32>) -> tensor<f32>
    %m = stablehlo.multiply %b, %f : tensor<f32>
    %s = stablehlo.add %m, %a : tensor<f32>
    %j = stablehlo.add %i, %c2 : tensor<i32>
    stablehlo.return %j, %a, %s : tensor<i32>, tensor<f32>, tensor<f32>
  }
  return %r#2 : tensor<f32>
}

// -----

// A loop in a loop: two times two copies.

// CHECK-LABEL: func.func @nested
// CHECK-COUNT-4: stablehlo.sine
// CHECK-NOT: stablehlo.sine
// CHECK: return
func.func @nested(%x: tensor<f32>) -> tensor<f32> {
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %c2 = stablehlo.constant dense<2> : tensor<i32>
  %r:2 = stablehlo.while(%i = %c0, %a = %x) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c2 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %q:2 = stablehlo.while(%k = %c2, %b = %a) : tensor<i32>, tensor<f32>
    cond {
      %c = stablehlo.compare NE, %k, %c0 : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %c : tensor<i1>
    } do {
      %s = stablehlo.sine %b : tensor<f32>
      %j = stablehlo.subtract %k, %c1 : tensor<i32>
      stablehlo.return %j, %s : tensor<i32>, tensor<f32>
    }
    %j = stablehlo.add %c1, %i : tensor<i32>
    stablehlo.return %j, %q#1 : tensor<i32>, tensor<f32>
  }
  return %r#1 : tensor<f32>
}
