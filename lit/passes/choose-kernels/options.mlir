// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{minimum=100000000})' | filecheck %s --check-prefix=FEW
// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels)' | filecheck %s --check-prefix=FROZEN

// The weight is no parameter that a step writes, so that arranging it costs a step nothing: it pays
// for 16 rows, as it does not in no-match.mlir.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<384x384xf32>} : () -> ()

// FEW-NOT: pock.tile
// FROZEN: stablehlo.dot_general {{.*}} {pock.tile = array<i64: 4, 16, 4>}
func.func @predict(%x: tensor<16x384xf32>) -> tensor<16x384xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<384x384xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<16x384xf32>, tensor<384x384xf32>) -> tensor<16x384xf32>
  return %y : tensor<16x384xf32>
}
