// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-batch-norm{scheme=%S/Inputs/bias.toml})' | filecheck %s --check-prefix=FROZEN
// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-batch-norm)' | filecheck %s --check-prefix=TRAINED

"pock.parameter"() {sym_name = "conv.weight", kind = "weight", type = tensor<1x1x3x8xf32>} : () -> ()
"pock.parameter"() {sym_name = "bn.weight", kind = "weight", type = tensor<8xf32>} : () -> ()
"pock.parameter"() {sym_name = "bn.bias", kind = "weight", type = tensor<8xf32>} : () -> ()
"pock.parameter"() {sym_name = "bn.mean", kind = "buffer", type = tensor<8xf32>} : () -> ()
"pock.parameter"() {sym_name = "bn.factor", kind = "buffer", type = tensor<8xf32>} : () -> ()

// The frozen factors are in the weight; the trained shift takes the frozen one.

// FROZEN-LABEL: func.func @forward
// FROZEN:     %[[SCALE:.*]] = stablehlo.broadcast_in_dim {{.*}} -> tensor<1x1x3x8xf32>
// FROZEN:     %[[W:.*]] = stablehlo.multiply {{.*}}, %[[SCALE]] : tensor<1x1x3x8xf32>
// FROZEN:     %[[Y:.*]] = stablehlo.convolution(%arg0, %[[W]])
// FROZEN-NOT: stablehlo.multiply
// FROZEN:     %[[Z:.*]] = stablehlo.add %[[Y]]
// FROZEN:     stablehlo.maximum %[[Z]]

// When everything is trained but the statistics, one multiplication and one addition are left.

// TRAINED-LABEL: func.func @forward
// TRAINED:     %[[Y:.*]] = stablehlo.convolution(%arg0, %{{.*}})
// TRAINED:     stablehlo.multiply %[[Y]]
// TRAINED-NOT: stablehlo.subtract
// TRAINED:     %[[Z:.*]] = stablehlo.add {{.*}} : tensor<2x4x4x8xf32>
// TRAINED:     stablehlo.maximum %[[Z]]
func.func @forward(%x: tensor<2x4x4x3xf32>) -> tensor<2x4x4x8xf32> {
  %zeros = stablehlo.constant dense<0.0> : tensor<2x4x4x8xf32>
  %w = "pock.read"() {parameter = @conv.weight} : () -> tensor<1x1x3x8xf32>
  %gamma = "pock.read"() {parameter = @bn.weight} : () -> tensor<8xf32>
  %beta = "pock.read"() {parameter = @bn.bias} : () -> tensor<8xf32>
  %mean = "pock.read"() {parameter = @bn.mean} : () -> tensor<8xf32>
  %factor = "pock.read"() {parameter = @bn.factor} : () -> tensor<8xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x4x4x3xf32>, tensor<1x1x3x8xf32>) -> tensor<2x4x4x8xf32>
  %0 = stablehlo.broadcast_in_dim %mean, dims = [3] : (tensor<8xf32>) -> tensor<2x4x4x8xf32>
  %1 = stablehlo.subtract %y, %0 : tensor<2x4x4x8xf32>
  %2 = stablehlo.broadcast_in_dim %factor, dims = [3] : (tensor<8xf32>) -> tensor<2x4x4x8xf32>
  %3 = stablehlo.multiply %1, %2 : tensor<2x4x4x8xf32>
  %4 = stablehlo.broadcast_in_dim %gamma, dims = [3] : (tensor<8xf32>) -> tensor<2x4x4x8xf32>
  %5 = stablehlo.multiply %3, %4 : tensor<2x4x4x8xf32>
  %6 = stablehlo.broadcast_in_dim %beta, dims = [3] : (tensor<8xf32>) -> tensor<2x4x4x8xf32>
  %7 = stablehlo.add %5, %6 : tensor<2x4x4x8xf32>
  %8 = stablehlo.maximum %7, %zeros : tensor<2x4x4x8xf32>
  return %8 : tensor<2x4x4x8xf32>
}
