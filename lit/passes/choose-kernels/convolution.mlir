// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 minimum=0 database=%S/Inputs/convolutions.toml})' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 minimum=0 growth=0 database=%S/Inputs/convolutions.toml})' | filecheck %s --check-prefix=SMALL

// Forms are those of Inputs/convolutions.toml.

// A dense convolution is a product for each place of its kernel, in panels and with a tile; the
// parts of the image are slices.
// CHECK-LABEL: func.func @dense
func.func @dense(%x: tensor<2x8x8x8xf32>, %w: tensor<1x2x8x32xf32>) -> tensor<2x4x4x32xf32> {
  // CHECK: %[[SPLIT:.*]] = stablehlo.reshape %arg1 : (tensor<1x2x8x32xf32>) -> tensor<1x2x8x2x16xf32>
  // CHECK: %[[PANELS:.*]] = stablehlo.transpose %[[SPLIT]], dims = [0, 1, 3, 2, 4]
  // CHECK: %[[IMAGE:.*]] = stablehlo.pad %arg0
  // CHECK: stablehlo.slice %[[PANELS]] [0:1, 0:1, 0:2, 0:8, 0:16]
  // CHECK: %[[A:.*]] = stablehlo.slice %[[IMAGE]] [0:2, 0:7:2, 0:7:2, 0:8]
  // CHECK: %[[FIRST:.*]] = stablehlo.dot_general %[[A]], {{.*}}, contracting_dims = [3] x [1] {pock.part, pock.tile = array<i64: 4, 16, 4>}
  // CHECK: %[[B:.*]] = stablehlo.slice %[[IMAGE]] [0:2, 0:7:2, 1:8:2, 0:8]
  // CHECK: %[[SECOND:.*]] = stablehlo.dot_general %[[B]]
  // CHECK: %[[SUM:.*]] = stablehlo.add %[[FIRST]], %[[SECOND]]
  // CHECK: stablehlo.reshape %[[SUM]] : (tensor<2x4x4x2x16xf32>) -> tensor<2x4x4x32xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [2, 2], pad = [[0, 0], [0, 1]]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<2x8x8x8xf32>, tensor<1x2x8x32xf32>) -> tensor<2x4x4x32xf32>
  return %y : tensor<2x4x4x32xf32>
}

// A row of seven places is made one of eight, for a block of four to divide it.
// CHECK-LABEL: func.func @wider
func.func @wider(%x: tensor<1x2x7x8xf32>, %w: tensor<1x1x8x32xf32>) -> tensor<1x4x9x32xf32> {
  // CHECK: stablehlo.pad %arg0, {{.*}} low = [0, 1, 1, 0], high = [0, 1, 4, 0]
  // CHECK: stablehlo.dot_general {{.*}} {pock.part, pock.tile = array<i64: 4, 16, 4>}
  // CHECK-SAME: -> tensor<1x4x12x2x16xf32>
  // CHECK: stablehlo.slice {{.*}} [0:1, 0:4, 0:9, 0:32]
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1], pad = [[1, 1], [1, 1]]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x2x7x8xf32>, tensor<1x1x8x32xf32>) -> tensor<1x4x9x32xf32>
  return %y : tensor<1x4x9x32xf32>
}

// The products of a convolution may leave the kernel as it is.
// CHECK-LABEL: func.func @streams
func.func @streams(%x: tensor<1x6x6x16xf32>, %w: tensor<3x3x16x32xf32>) -> tensor<1x4x4x32xf32> {
  // CHECK-NOT: stablehlo.transpose
  // CHECK: stablehlo.slice %arg1 [0:1, 0:1, 0:16, 0:32]
  // CHECK: stablehlo.dot_general {{.*}}, contracting_dims = [3] x [0] {pock.block = 16 : i64, pock.part, pock.tile = array<i64: 4, 16, 4>}
  // CHECK-COUNT-8: stablehlo.add
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x6x6x16xf32>, tensor<3x3x16x32xf32>) -> tensor<1x4x4x32xf32>
  return %y : tensor<1x4x4x32xf32>
}

// A kernel flipped in space, as in the gradient of an image, is read from its other end.
// CHECK-LABEL: func.func @flipped
func.func @flipped(%x: tensor<1x6x6x16xf32>, %w: tensor<3x3x16x32xf32>) -> tensor<1x4x4x32xf32> {
  // CHECK-NOT: stablehlo.reverse
  // CHECK: stablehlo.slice %arg1 [2:3, 2:3, 0:16, 0:32]
  // CHECK: stablehlo.slice %arg1 [2:3, 1:2, 0:16, 0:32]
  %f = stablehlo.reverse %w, dims = [0, 1] : tensor<3x3x16x32xf32>
  %y = stablehlo.convolution(%x, %f) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x6x6x16xf32>, tensor<3x3x16x32xf32>) -> tensor<1x4x4x32xf32>
  return %y : tensor<1x4x4x32xf32>
}

// Winograd's form: three transforms and a stack of products, each in its own form. The result has
// three rows of squares, of which the last reaches beyond it.
// CHECK-LABEL: func.func @winograd
// SMALL-LABEL: func.func @winograd
func.func @winograd(%x: tensor<4x5x8x16xf32>, %w: tensor<3x3x16x32xf32>) -> tensor<4x5x8x32xf32> {
  // CHECK: %[[IMAGE:.*]] = stablehlo.pad %arg0, {{.*}} low = [0, 1, 1, 0], high = [0, 2, 1, 0]
  // CHECK: %[[V:.*]] = "pock.winograd_image"(%[[IMAGE]]) {side = 2 : i64} {{.*}} -> tensor<16x4x3x4x16xf32>
  // CHECK: %[[U:.*]] = "pock.winograd_kernel"(%arg1) {side = 2 : i64} {{.*}} -> tensor<16x16x32xf32>
  // CHECK: %[[ROWS:.*]] = stablehlo.reshape %[[V]] : {{.*}} -> tensor<16x48x16xf32>
  // CHECK: %[[M:.*]] = stablehlo.dot_general %[[ROWS]], {{.*}} batching_dims = [0] x [0]
  // CHECK: "pock.winograd_output"({{.*}}) {side = 2 : i64} {{.*}} -> tensor<4x6x8x32xf32>
  // CHECK: stablehlo.slice {{.*}} [0:4, 0:5, 0:8, 0:32]
  // SMALL-NOT: pock.winograd
  // SMALL: pock.part
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1], pad = [[1, 1], [1, 1]]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<4x5x8x16xf32>, tensor<3x3x16x32xf32>) -> tensor<4x5x8x32xf32>
  return %y : tensor<4x5x8x32xf32>
}

// What is depthwise, or has few channels, stays.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-2: stablehlo.convolution
// CHECK-NOT: stablehlo.dot_general
func.func @others(%x: tensor<1x8x8x16xf32>, %depthwise: tensor<3x3x1x16xf32>, %few: tensor<1x8x8x4xf32>,
    %w: tensor<2x3x4x16xf32>) -> (tensor<1x6x6x16xf32>, tensor<1x7x6x16xf32>) {
  %a = stablehlo.convolution(%x, %depthwise) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 16 : i64}
    : (tensor<1x8x8x16xf32>, tensor<3x3x1x16xf32>) -> tensor<1x6x6x16xf32>
  %b = stablehlo.convolution(%few, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x8x8x4xf32>, tensor<2x3x4x16xf32>) -> tensor<1x7x6x16xf32>
  return %a, %b : tensor<1x6x6x16xf32>, tensor<1x7x6x16xf32>
}

// A long contraction is a sum of pieces, which meet the cache one after the other.
// CHECK-LABEL: func.func @long
func.func @long(%x: tensor<16x16384xf32>, %w: tensor<16384x32xf32>) -> tensor<16x32xf32> {
  // CHECK: %[[X:.*]] = stablehlo.slice %arg0 [0:16, 0:512]
  // CHECK: %[[W:.*]] = stablehlo.slice %arg1 [0:512, 0:32]
  // CHECK: %[[Y:.*]] = stablehlo.dot_general %[[X]], %[[W]], contracting_dims = [1] x [0] {pock.part, pock.tile
  // CHECK-COUNT-31: stablehlo.add
  // CHECK-NOT: stablehlo.add
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<16x16384xf32>, tensor<16384x32xf32>) -> tensor<16x32xf32>
  return %y : tensor<16x32xf32>
}
