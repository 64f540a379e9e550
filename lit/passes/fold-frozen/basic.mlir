// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=%S/Inputs/bias.toml})' | filecheck %s

// CHECK: kind = "folded", sym_name = "folded.value", type = tensor<3x4xf32>
"pock.parameter"() {sym_name = "weight", kind = "weight", type = tensor<4x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "factor", kind = "buffer", type = tensor<4x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "bias", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
// CHECK-DAG: %[[BIAS:.*]] = "pock.read"() {parameter = @bias}
// CHECK-DAG: %[[W:.*]] = "pock.read"() {parameter = @folded.value} : () -> tensor<3x4xf32>
// CHECK-NOT: stablehlo.transpose
// CHECK: stablehlo.dot_general %arg0, %[[W]]

// CHECK-LABEL: func.func private @fold() -> tensor<3x4xf32>
// CHECK-SAME: pock.folded = [@folded.value]
// CHECK-DAG: %[[FACTOR:.*]] = "pock.read"() {parameter = @factor}
// CHECK-DAG: %[[WEIGHT:.*]] = "pock.read"() {parameter = @weight}
// CHECK: %[[PRODUCT:.*]] = stablehlo.multiply %[[WEIGHT]], %[[FACTOR]]
// CHECK: %[[FOLDED:.*]] = stablehlo.transpose %[[PRODUCT]]
// CHECK: return %[[FOLDED]]
func.func @forward(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %weight = "pock.read"() {parameter = @weight} : () -> tensor<4x3xf32>
  %factor = "pock.read"() {parameter = @factor} : () -> tensor<4x3xf32>
  %bias = "pock.read"() {parameter = @bias} : () -> tensor<4xf32>
  %w = stablehlo.multiply %weight, %factor : tensor<4x3xf32>
  %t = stablehlo.transpose %w, dims = [1, 0] : (tensor<4x3xf32>) -> tensor<3x4xf32>
  %y = stablehlo.dot_general %x, %t, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %b = stablehlo.broadcast_in_dim %bias, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>
  %z = stablehlo.add %y, %b : tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}
