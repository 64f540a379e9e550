// RUN: pock-opt %s --pass-pipeline='builtin.module(reorder)' | filecheck %s

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<64x64xf32>} : () -> ()
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<64x64xf32>} : () -> ()

// Three squares that are each reduced to a scalar: computed one after the other, one square is
// alive at a time instead of three.
// CHECK-LABEL: func.func @one_at_a_time
func.func @one_at_a_time(%x: tensor<64x64xf32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  // CHECK: %[[A:.*]] = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [0]
  // CHECK: stablehlo.reduce(%[[A]]
  // CHECK: %[[B:.*]] = stablehlo.dot_general %arg0, %arg0, contracting_dims = [0] x [0]
  // CHECK: stablehlo.reduce(%[[B]]
  // CHECK: %[[C:.*]] = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [1]
  // CHECK: stablehlo.reduce(%[[C]]
  // CHECK: return
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %a = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0]
    : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %b = stablehlo.dot_general %x, %x, contracting_dims = [0] x [0]
    : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %c = stablehlo.dot_general %x, %x, contracting_dims = [1] x [1]
    : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %d = stablehlo.reduce(%a init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  %e = stablehlo.reduce(%b init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  %f = stablehlo.reduce(%c init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<64x64xf32>, tensor<f32>) -> tensor<64xf32>
  return %d, %e, %f : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}

// Each update comes as soon as its gradient is there and its parameter has been read for the last
// time: both gradients are contractions that the updates compute themselves.
// CHECK-LABEL: func.func @early_updates
func.func @early_updates(%x: tensor<8x64xf32>, %dy: tensor<8x64xf32>, %rate: tensor<f32>) -> tensor<8x64xf32> {
  // CHECK: %[[W:.*]] = "pock.read"() {parameter = @w}
  // CHECK: %[[DH:.*]] = stablehlo.dot_general %arg1, %[[W]]
  // CHECK: "pock.sgd"({{.*}}) {{.*}}parameter = @w
  // CHECK: %[[V:.*]] = "pock.read"() {parameter = @v}
  // CHECK: %[[DX:.*]] = stablehlo.dot_general %[[DH]], %[[V]]
  // CHECK: "pock.sgd"({{.*}}) {{.*}}parameter = @v
  // CHECK: return %[[DX]]
  %v = "pock.read"() {parameter = @v} : () -> tensor<64x64xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<64x64xf32>
  %dw = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<64x64xf32>
  %dh = stablehlo.dot_general %dy, %w, contracting_dims = [1] x [1]
    : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %dv = stablehlo.dot_general %x, %dh, contracting_dims = [0] x [0]
    : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<64x64xf32>
  %dx = stablehlo.dot_general %dh, %v, contracting_dims = [1] x [1]
    : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  "pock.sgd"(%dv, %rate) {parameter = @v, offsets = array<i64: 0, 0>, sizes = array<i64: 64, 64>,
    weight_decay = 0.0 : f64} : (tensor<64x64xf32>, tensor<f32>) -> ()
  "pock.sgd"(%dw, %rate) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 64, 64>,
    weight_decay = 0.0 : f64} : (tensor<64x64xf32>, tensor<f32>) -> ()
  return %dx : tensor<8x64xf32>
}
