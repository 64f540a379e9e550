// RUN: pock-opt %s --pass-pipeline='builtin.module(convolutions-to-nhwc,fold-batch-norm{scheme=head},fold-frozen{scheme=head},add-loss,differentiate,sparsify-backward{scheme=head},narrow-gradients,canonicalize,cse,apply-optimizer,lower-pock,cse,reorder)' | filecheck %s

// The default pipeline on a perceptron of two layers of which only the last is trained: its weight
// and bias are updated, and nothing of the first layer's backward is left.

// CHECK: func.func @train_step
// CHECK-COUNT-2: stablehlo.dot_general
// CHECK: stablehlo.exponential
// CHECK: stablehlo.dot_general
// CHECK-NOT: stablehlo.dot_general
// CHECK-NOT: stablehlo.exponential
// CHECK-NOT: @first.weight
// CHECK: func.func @predict
// CHECK-COUNT-2: stablehlo.dot_general
"pock.parameter"() {sym_name = "first.weight", type = tensor<8x6xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "head.weight", type = tensor<6x3xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "head.bias", type = tensor<3xf32>, kind = "weight"} : () -> ()
func.func @forward(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
  %w0 = "pock.read"() {parameter = @first.weight} : () -> tensor<8x6xf32>
  %h = stablehlo.dot_general %x, %w0, contracting_dims = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %a = stablehlo.tanh %h : tensor<4x6xf32>
  %w1 = "pock.read"() {parameter = @head.weight} : () -> tensor<6x3xf32>
  %y = stablehlo.dot_general %a, %w1, contracting_dims = [1] x [0] : (tensor<4x6xf32>, tensor<6x3xf32>) -> tensor<4x3xf32>
  %b = "pock.read"() {parameter = @head.bias} : () -> tensor<3xf32>
  %bb = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<3xf32>) -> tensor<4x3xf32>
  %z = stablehlo.add %y, %bb : tensor<4x3xf32>
  return %z : tensor<4x3xf32>
}
