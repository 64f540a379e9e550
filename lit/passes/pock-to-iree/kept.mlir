// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree{tiles=false})' | filecheck %s --check-prefix=SAFE
// SAFE-NOT: flow.dispatch.region

// What the forward computes for the backward is computed in one kernel with its own result.
// CHECK-LABEL: func.func @f
func.func @f(%product: tensor<512xf32>, %b: tensor<f32>, %dy: tensor<512xf32>)
    -> (tensor<512xf32>, tensor<512xf32>) {
  // CHECK: %[[R:.*]]:2 = "flow.dispatch.region"
  // CHECK: %[[B:.*]] = stablehlo.broadcast_in_dim %arg1
  // CHECK-NEXT: %[[X:.*]] = stablehlo.add %arg0, %[[B]]
  // CHECK-NEXT: %[[S:.*]] = stablehlo.logistic %[[X]]
  // CHECK-NEXT: %[[Y:.*]] = stablehlo.multiply %[[X]], %[[S]]
  // CHECK: %[[SLOPE:.*]] = stablehlo.add %[[S]]
  // CHECK: "flow.return"(%[[Y]], %[[SLOPE]])
  // CHECK: %[[DX:.*]] = stablehlo.multiply %arg2, %[[R]]#1
  // CHECK: return %[[R]]#0, %[[DX]]
  %spread = stablehlo.broadcast_in_dim %b, dims = [] : (tensor<f32>) -> tensor<512xf32>
  %x = stablehlo.add %product, %spread : tensor<512xf32>
  %s = stablehlo.logistic %x : tensor<512xf32>
  %y = stablehlo.multiply %x, %s : tensor<512xf32>
  %one = stablehlo.constant dense<1.0> : tensor<512xf32>
  %rest = stablehlo.subtract %one, %s : tensor<512xf32>
  %scaled = stablehlo.multiply %y, %rest : tensor<512xf32>
  %slope = stablehlo.add %s, %scaled {pock.kept} : tensor<512xf32>
  %dx = stablehlo.multiply %dy, %slope : tensor<512xf32>
  return %y, %dx : tensor<512xf32>, tensor<512xf32>
}

// What is read before the kernel has its inputs stays outside, as the squares that are summed up here.
// CHECK-LABEL: func.func @normalized
func.func @normalized(%z: tensor<512xf32>, %mean: tensor<512xf32>, %dy: tensor<512xf32>)
    -> (tensor<512xf32>, tensor<512xf32>) {
  // CHECK: %[[C:.*]] = stablehlo.subtract %arg0, %arg1
  // CHECK: stablehlo.reduce
  // CHECK: "flow.dispatch.region"
  // CHECK: stablehlo.multiply %[[C]]
  // CHECK-NEXT: stablehlo.logistic
  // CHECK: "flow.return"
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %c = stablehlo.subtract %z, %mean : tensor<512xf32>
  %cc = stablehlo.multiply %c, %c : tensor<512xf32>
  %sum = stablehlo.reduce(%cc init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<512xf32>, tensor<f32>) -> tensor<f32>
  %root = stablehlo.rsqrt %sum : tensor<f32>
  %spread = stablehlo.broadcast_in_dim %root, dims = [] : (tensor<f32>) -> tensor<512xf32>
  %x = stablehlo.multiply %c, %spread : tensor<512xf32>
  %s = stablehlo.logistic %x : tensor<512xf32>
  %y = stablehlo.multiply %x, %s : tensor<512xf32>
  %slope = stablehlo.add %s, %y {pock.kept} : tensor<512xf32>
  %dx = stablehlo.multiply %dy, %slope : tensor<512xf32>
  return %y, %dx : tensor<512xf32>, tensor<512xf32>
}
