// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --mlir-print-debuginfo | filecheck %s

// What a rule makes has the location of the forward op.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: stablehlo.negate %{{.*}} loc(#[[READ:.*]])
  // CHECK: "pock.update"({{.*}} loc(#[[READ]])
  // CHECK: #[[READ]] = loc("head.weight")
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32> loc("head.weight")
  %y = stablehlo.subtract %x, %w : tensor<f32> loc("head")
  return %y : tensor<f32>
}
