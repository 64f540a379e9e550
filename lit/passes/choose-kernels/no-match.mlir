// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 database=%S/Inputs/tiny.toml})' | filecheck %s

// What stays: extents that no tile divides, few multiplications, an entry of the database that
// says so, a narrow type, several contracted dimensions, strides, few channels.

// CHECK-NOT: pock.tile
// CHECK-NOT: stablehlo.transpose
func.func @others(%a: tensor<512x384xf32>, %j: tensor<509x384xf32>, %b: tensor<384x90xf32>, %c: tensor<4x4xf32>,
                  %d: tensor<16x384xf32>, %e: tensor<384x384xf32>, %f: tensor<512x384xbf16>,
                  %g: tensor<384x96xbf16>)
    -> (tensor<509x90xf32>, tensor<4x4xf32>, tensor<16x384xf32>, tensor<512x96xf32>, tensor<f32>) {
  %0 = stablehlo.dot_general %j, %b, contracting_dims = [1] x [0]
    : (tensor<509x384xf32>, tensor<384x90xf32>) -> tensor<509x90xf32>
  %1 = stablehlo.dot_general %c, %c, contracting_dims = [1] x [0]
    : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = stablehlo.dot_general %d, %e, contracting_dims = [1] x [0]
    : (tensor<16x384xf32>, tensor<384x384xf32>) -> tensor<16x384xf32>
  %3 = stablehlo.dot_general %f, %g, contracting_dims = [1] x [0]
    : (tensor<512x384xbf16>, tensor<384x96xbf16>) -> tensor<512x96xf32>
  %4 = stablehlo.dot_general %a, %a, contracting_dims = [0, 1] x [0, 1]
    : (tensor<512x384xf32>, tensor<512x384xf32>) -> tensor<f32>
  return %0, %1, %2, %3, %4 : tensor<509x90xf32>, tensor<4x4xf32>, tensor<16x384xf32>, tensor<512x96xf32>, tensor<f32>
}

// Of 16 channels a product would gain nothing.
// CHECK-LABEL: func.func @few_channels
// CHECK: stablehlo.convolution
// CHECK-NOT: stablehlo.dot_general
func.func @few_channels(%x: tensor<8x32x32x16xf32>, %w: tensor<1x1x16x96xf32>) -> tensor<8x32x32x96xf32> {
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<8x32x32x16xf32>, tensor<1x1x16x96xf32>) -> tensor<8x32x32x96xf32>
  return %y : tensor<8x32x32x96xf32>
}
