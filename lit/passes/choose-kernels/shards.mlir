// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch,choose-kernels{target=x86-64-avx2})' | filecheck %s

// What the shards multiply is what `pock tune` measures.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<384x96xf32>} : () -> ()

// CHECK: module attributes {pock.products = {"f32 512x96x384 mk kn!" = 2 : i64}}
// CHECK: func.func private @train_step_shard
// CHECK:   stablehlo.dot_general {{.*}}pock.tile
func.func @train_step(%x: tensor<512x384xf32> {pock.role = "input"}) -> tensor<512x96xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<384x96xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<512x384xf32>, tensor<384x96xf32>) -> tensor<512x96xf32>
  return %y : tensor<512x96xf32>
}
