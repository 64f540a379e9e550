// RUN: pock-opt %s --pass-pipeline='builtin.module(mixed-precision)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(mixed-precision{type=f16})' | filecheck %s --check-prefix=F16

// Forward and weight gradient read one narrow copy of the input, through views; what is not a
// contraction stays f32.

"pock.parameter"() {sym_name = "w", type = tensor<4x3xf32>, kind = "weight"} : () -> ()
// CHECK-LABEL: func.func @train_step
// CHECK: %[[X:.*]] = stablehlo.convert %arg0 : (tensor<2x4x4xf32>) -> tensor<2x4x4xbf16>
// CHECK-NOT: stablehlo.convert %arg0
// CHECK: %[[ROWS:.*]] = stablehlo.reshape %[[X]] : (tensor<2x4x4xbf16>) -> tensor<8x4xbf16>
// CHECK: %[[Y:.*]] = stablehlo.dot_general %[[ROWS]], %{{.*}} : (tensor<8x4xbf16>, tensor<4x3xbf16>) -> tensor<8x3xf32>
// CHECK: %[[DY:.*]] = stablehlo.tanh %[[Y]] : tensor<8x3xf32>
// CHECK: %[[D:.*]] = stablehlo.convert %[[DY]] : (tensor<8x3xf32>) -> tensor<8x3xbf16>
// CHECK: stablehlo.dot_general %[[ROWS]], %[[D]]
// CHECK-SAME: (tensor<8x4xbf16>, tensor<8x3xbf16>) -> tensor<4x3xf32>
// F16: (tensor<8x4xf16>, tensor<4x3xf16>) -> tensor<8x3xf32>
func.func @train_step(%x: tensor<2x4x4xf32>, %lr: tensor<f32>) -> tensor<8x3xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<4x3xf32>
  %rows = stablehlo.reshape %x : (tensor<2x4x4xf32>) -> tensor<8x4xf32>
  %y = stablehlo.dot_general %rows, %w, contracting_dims = [1] x [0] : (tensor<8x4xf32>, tensor<4x3xf32>) -> tensor<8x3xf32>
  %dy = stablehlo.tanh %y : tensor<8x3xf32>
  %dw = stablehlo.dot_general %rows, %dy, contracting_dims = [0] x [0] : (tensor<8x4xf32>, tensor<8x3xf32>) -> tensor<4x3xf32>
  "pock.sgd"(%dw, %lr) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 3>, weight_decay = 0.0} : (tensor<4x3xf32>, tensor<f32>) -> ()
  return %y : tensor<8x3xf32>
}
