// RUN: pock-opt %s --pass-pipeline='builtin.module(expand-bf16)' | filecheck %s

// Round to nearest, ties to even, in integers; a NaN stays one.

// CHECK-LABEL: func.func @round
// CHECK: %[[BITS:.*]] = stablehlo.bitcast_convert %arg0 : (tensor<4xf32>) -> tensor<4xi32>
// CHECK: stablehlo.shift_right_logical %[[BITS]]
// CHECK: stablehlo.constant dense<32767>
// CHECK: %[[NAN:.*]] = stablehlo.compare NE, %arg0, %arg0
// CHECK: %[[WORD:.*]] = stablehlo.select %[[NAN]]
// CHECK: %[[HALF:.*]] = stablehlo.convert %[[WORD]] : (tensor<4xi32>) -> tensor<4xi16>
// CHECK: %[[Y:.*]] = stablehlo.bitcast_convert %[[HALF]] : (tensor<4xi16>) -> tensor<4xbf16>
// CHECK: return %[[Y]]
func.func @round(%x: tensor<4xf32>) -> tensor<4xbf16> {
  %y = stablehlo.convert %x : (tensor<4xf32>) -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}
