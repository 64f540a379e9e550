// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-batch-norm{scheme=%S/Inputs/scale.toml})' | filecheck %s

// A contraction, with splats for vectors. The trained factor keeps its multiplication, the frozen one
// goes into the weight, and the shift is multiplied with both.

"pock.parameter"() {sym_name = "fc.weight", kind = "weight", type = tensor<8x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "scale", kind = "weight", type = tensor<8xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
// CHECK: %[[SCALE:.*]] = "pock.read"() {parameter = @scale}
// CHECK: %[[Y:.*]] = stablehlo.dot_general %arg0, %{{.*}}
// CHECK: %[[B:.*]] = stablehlo.broadcast_in_dim %[[SCALE]], dims = [1]
// CHECK: %[[Z:.*]] = stablehlo.multiply %[[Y]], %[[B]] : tensor<2x8xf32>
// CHECK: stablehlo.add %[[Z]]
// CHECK-NOT: stablehlo
// CHECK: return
func.func @forward(%x: tensor<2x3xf32>) -> tensor<2x8xf32> {
  %two = stablehlo.constant dense<2.0> : tensor<2x8xf32>
  %w = "pock.read"() {parameter = @fc.weight} : () -> tensor<8x3xf32>
  %scale = "pock.read"() {parameter = @scale} : () -> tensor<8xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<2x3xf32>, tensor<8x3xf32>) -> tensor<2x8xf32>
  %0 = stablehlo.add %y, %two : tensor<2x8xf32>
  %1 = stablehlo.broadcast_in_dim %scale, dims = [1] : (tensor<8xf32>) -> tensor<2x8xf32>
  %2 = stablehlo.multiply %0, %1 : tensor<2x8xf32>
  %3 = stablehlo.divide %2, %two : tensor<2x8xf32>
  return %3 : tensor<2x8xf32>
}
