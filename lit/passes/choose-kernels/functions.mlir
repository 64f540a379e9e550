// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 database=%S/Inputs/tiny.toml},fold-frozen{only=arrangements})' | filecheck %s

// The training step reads the weight twice, and `@predict` once: by itself, that would be a product by
// a weight that is arranged for nothing, which Inputs/tiny.toml has another form for. It has the form of
// the step, so that the weight is not kept in a second arrangement.

"pock.parameter"() {sym_name = "w", kind = "buffer", type = tensor<384x384xf32>} : () -> ()

// CHECK-NOT: kind = "folded"
// CHECK: func.func @predict
// CHECK-NOT: pock.tile
// CHECK: func.func @train_step
// CHECK-NOT: pock.tile
func.func @predict(%x: tensor<16x384xf32>) -> tensor<16x384xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<384x384xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<16x384xf32>, tensor<384x384xf32>) -> tensor<16x384xf32>
  return %y : tensor<16x384xf32>
}

func.func @train_step(%x: tensor<16x384xf32>) -> (tensor<16x384xf32>, tensor<384x384xf32>) {
  %w = "pock.read"() {parameter = @w} : () -> tensor<384x384xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<16x384xf32>, tensor<384x384xf32>) -> tensor<16x384xf32>
  %s = stablehlo.negate %w : tensor<384x384xf32>
  return %y, %s : tensor<16x384xf32>, tensor<384x384xf32>
}
