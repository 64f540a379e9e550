// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{minimum=100000000 target=x86-64-avx2 database=%S/Inputs/tiny.toml})' | filecheck %s --check-prefix=FEW
// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 database=%S/Inputs/tiny.toml})' | filecheck %s --check-prefix=FROZEN
// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx512})' | filecheck %s --check-prefix=MODEL

// The weight @w is no parameter that a step writes, and read once, so that arranging it costs a step
// nothing: the product has another key than that of the weight @v, which is read twice. What was
// measured with AVX2 says nothing of AVX-512: the model chooses, and 32 columns are two registers.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<384x384xf32>} : () -> ()
"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<384x384xf32>} : () -> ()

// FEW-NOT: pock.tile
// FROZEN: stablehlo.dot_general {{.*}} {pock.tile = array<i64: 4, 16, 4>}
// FROZEN-NOT: pock.tile
// MODEL: stablehlo.dot_general {{.*}} {pock.tile = array<i64: {{[0-9]+}}, {{32|64}}, 4>}
func.func @predict(%x: tensor<16x384xf32>) -> (tensor<16x384xf32>, tensor<16x384xf32>, tensor<384x384xf32>) {
  %w = "pock.read"() {parameter = @w} : () -> tensor<384x384xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<16x384xf32>, tensor<384x384xf32>) -> tensor<16x384xf32>
  %v = "pock.read"() {parameter = @v} : () -> tensor<384x384xf32>
  %z = stablehlo.dot_general %x, %v, contracting_dims = [1] x [0]
    : (tensor<16x384xf32>, tensor<384x384xf32>) -> tensor<16x384xf32>
  %s = stablehlo.negate %v : tensor<384x384xf32>
  return %y, %z, %s : tensor<16x384xf32>, tensor<16x384xf32>, tensor<384x384xf32>
}
