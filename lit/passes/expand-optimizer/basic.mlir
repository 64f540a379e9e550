// RUN: pock-opt %s --pass-pipeline='builtin.module(expand-optimizer)' | filecheck %s

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "m", kind = "state", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @sgd
func.func @sgd(%g: tensor<4xf32>, %rate: tensor<f32>) {
  // CHECK-NEXT: %[[W:.*]] = "pock.read"() {parameter = @w}
  // CHECK-NEXT: %[[RATE:.*]] = stablehlo.broadcast_in_dim %arg1
  // CHECK-NEXT: %[[STEP:.*]] = stablehlo.multiply %[[RATE]], %arg0
  // CHECK-NEXT: %[[NEW:.*]] = stablehlo.subtract %[[W]], %[[STEP]]
  // CHECK-NEXT: "pock.assign"(%[[NEW]]) {parameter = @w}
  // CHECK-NEXT: return
  "pock.sgd"(%g, %rate) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>,
    weight_decay = 0.0 : f64} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// CHECK-LABEL: func.func @momentum
func.func @momentum(%g: tensor<4xf32>, %rate: tensor<f32>) {
  // CHECK-DAG: %[[V:.*]] = "pock.read"() {parameter = @v}
  // CHECK-DAG: %[[M:.*]] = "pock.read"() {parameter = @m}
  // CHECK: %[[KEPT:.*]] = stablehlo.multiply %[[M]],
  // CHECK: %[[VELOCITY:.*]] = stablehlo.add %[[KEPT]], %arg0
  // CHECK: %[[NEW:.*]] = stablehlo.subtract %[[V]],
  // CHECK-DAG: "pock.assign"(%[[VELOCITY]]) {parameter = @m}
  // CHECK-DAG: "pock.assign"(%[[NEW]]) {parameter = @v}
  "pock.momentum"(%g, %rate) {parameter = @v, velocity = @m, offsets = array<i64: 0>,
    sizes = array<i64: 4>, momentum = 0.9 : f64, nesterov = false, weight_decay = 0.0 : f64}
    : (tensor<4xf32>, tensor<f32>) -> ()
  return
}
