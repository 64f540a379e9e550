// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-batch-norm)' | filecheck %s

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<8xf32>} : () -> ()

// One addition cannot get shorter; a value that is used twice, or combined with more than one value
// per channel, ends a chain.

// CHECK-LABEL: func.func @forward
// CHECK: %[[Y:.*]] = stablehlo.dot_general
// CHECK: stablehlo.add %[[Y]], %{{.*}} : tensor<2x8xf32>
// CHECK: %[[A:.*]] = stablehlo.add %{{.*}}, %arg1
// CHECK: %[[M:.*]] = stablehlo.multiply %[[A]]
// CHECK: stablehlo.subtract %[[M]], %[[M]]
func.func @forward(%x: tensor<2x3xf32>, %skip: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<8x3xf32>
  %b = "pock.read"() {parameter = @b} : () -> tensor<8xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<2x3xf32>, tensor<8x3xf32>) -> tensor<2x8xf32>
  %0 = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<8xf32>) -> tensor<2x8xf32>
  %1 = stablehlo.add %y, %0 : tensor<2x8xf32>
  %2 = stablehlo.add %1, %skip : tensor<2x8xf32>
  %3 = stablehlo.multiply %2, %0 : tensor<2x8xf32>
  %4 = stablehlo.subtract %3, %3 : tensor<2x8xf32>
  return %4 : tensor<2x8xf32>
}
