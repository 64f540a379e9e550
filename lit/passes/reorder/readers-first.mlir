// RUN: pock-opt %s --pass-pipeline='builtin.module(reorder)' | filecheck %s

// A read is a snapshot, so an update may stand before the ops that read the parameter; but executed
// in place it would then need a copy. `reorder` puts the readers first.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<64x64xf32>} : () -> ()
"pock.parameter"() {sym_name = "m", kind = "state", type = tensor<64x64xf32>} : () -> ()
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<64xf32>} : () -> ()

// CHECK-LABEL: func.func @sgd
func.func @sgd(%x: tensor<8x64xf32>, %dy: tensor<8x64xf32>, %rate: tensor<f32>) -> tensor<8x64xf32> {
  // CHECK: %[[DX:.*]] = stablehlo.dot_general {{.*}} contracting_dims = [1] x [1]
  // CHECK: "pock.sgd"
  // CHECK-NEXT: return %[[DX]]
  %w = "pock.read"() {parameter = @w} : () -> tensor<64x64xf32>
  %dw = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<64x64xf32>
  "pock.sgd"(%dw, %rate) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 64, 64>,
    weight_decay = 0.0 : f64} : (tensor<64x64xf32>, tensor<f32>) -> ()
  %dx = stablehlo.dot_general %dy, %w, contracting_dims = [1] x [1]
    : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  return %dx : tensor<8x64xf32>
}

// State is written, too: here somebody looks at the velocity.
// CHECK-LABEL: func.func @momentum
func.func @momentum(%g: tensor<64x64xf32>, %x: tensor<8x64xf32>, %rate: tensor<f32>) -> tensor<8x64xf32> {
  // CHECK: stablehlo.dot_general
  // CHECK: "pock.momentum"
  // CHECK-NEXT: return
  %m = "pock.read"() {parameter = @m} : () -> tensor<64x64xf32>
  "pock.momentum"(%g, %rate) {parameter = @w, velocity = @m, offsets = array<i64: 0, 0>,
    sizes = array<i64: 64, 64>, momentum = 0.9 : f64, nesterov = false, weight_decay = 0.0 : f64}
    : (tensor<64x64xf32>, tensor<f32>) -> ()
  %y = stablehlo.dot_general %x, %m, contracting_dims = [1] x [0]
    : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// CHECK-LABEL: func.func @assign
func.func @assign(%x: tensor<8x64xf32>, %new: tensor<64xf32>) -> tensor<8x64xf32> {
  // CHECK: stablehlo.subtract
  // CHECK-NEXT: "pock.assign"
  // CHECK-NEXT: return
  %mean = "pock.read"() {parameter = @mean} : () -> tensor<64xf32>
  "pock.assign"(%new) {parameter = @mean} : (tensor<64xf32>) -> ()
  %rows = stablehlo.broadcast_in_dim %mean, dims = [1] : (tensor<64xf32>) -> tensor<8x64xf32>
  %y = stablehlo.subtract %x, %rows : tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}
