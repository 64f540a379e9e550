// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2})' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 copy=0})' | filecheck %s --check-prefix=LARGE

// A frozen weight that only products read is arranged for free ("!"), also for each of two; one above
// the limit is not kept twice, and one that something else reads too stays as it is.

// CHECK: pock.products = {"f32 512x192x96 mk kn" = 1 : i64, "f32 512x384x96 mk kn!" = 1 : i64, "f32 512x96x384 mk nk!" = 1 : i64}
// LARGE: pock.products = {"f32 512x192x96 mk kn" = 1 : i64, "f32 512x384x96 mk kn" = 1 : i64, "f32 512x96x384 mk nk" = 1 : i64}
"pock.parameter"() {sym_name = "twice", kind = "weight", type = tensor<96x384xf32>} : () -> ()
"pock.parameter"() {sym_name = "shared", kind = "weight", type = tensor<96x192xf32>} : () -> ()
func.func @train_step(%x: tensor<512x96xf32>, %dy: tensor<512x384xf32>)
    -> (tensor<512x384xf32>, tensor<512x96xf32>, tensor<512x192xf32>, tensor<96x192xf32>) {
  %w = "pock.read"() {parameter = @twice} : () -> tensor<96x384xf32>
  %v = "pock.read"() {parameter = @shared} : () -> tensor<96x192xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<512x96xf32>, tensor<96x384xf32>) -> tensor<512x384xf32>
  %dx = stablehlo.dot_general %dy, %w, contracting_dims = [1] x [1]
    : (tensor<512x384xf32>, tensor<96x384xf32>) -> tensor<512x96xf32>
  %z = stablehlo.dot_general %x, %v, contracting_dims = [1] x [0]
    : (tensor<512x96xf32>, tensor<96x192xf32>) -> tensor<512x192xf32>
  %s = stablehlo.tanh %v : tensor<96x192xf32>
  return %y, %dx, %z, %s : tensor<512x384xf32>, tensor<512x96xf32>, tensor<512x192xf32>, tensor<96x192xf32>
}
