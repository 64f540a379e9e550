// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels)' | filecheck %s

// The right operand in panels of 16 columns, from [k, n] or [n, k]; the left one by rows.

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<512x384xf32>, %w: tensor<384x96xf32>) -> tensor<512x96xf32> {
  // CHECK: %[[SPLIT:.*]] = stablehlo.reshape %arg1 : (tensor<384x96xf32>) -> tensor<384x6x16xf32>
  // CHECK: %[[PANELS:.*]] = stablehlo.transpose %[[SPLIT]], dims = [1, 0, 2]
  // CHECK: %[[Y:.*]] = stablehlo.dot_general %arg0, %[[PANELS]], contracting_dims = [1] x [1] {pock.tile = array<i64: 4, 16, 4>}
  // CHECK-SAME: -> tensor<512x6x16xf32>
  // CHECK: stablehlo.reshape %[[Y]] : (tensor<512x6x16xf32>) -> tensor<512x96xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<512x384xf32>, tensor<384x96xf32>) -> tensor<512x96xf32>
  return %y : tensor<512x96xf32>
}

// CHECK-LABEL: func.func @rows_of_weights
func.func @rows_of_weights(%x: tensor<512x384xf32>, %w: tensor<96x384xf32>) -> tensor<512x96xf32> {
  // CHECK: stablehlo.reshape %arg1 : (tensor<96x384xf32>) -> tensor<6x16x384xf32>
  // CHECK: stablehlo.transpose {{.*}}, dims = [0, 2, 1] : (tensor<6x16x384xf32>) -> tensor<6x384x16xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<512x384xf32>, tensor<96x384xf32>) -> tensor<512x96xf32>
  return %y : tensor<512x96xf32>
}

// 96 rows are a multiple of 6: the better tile.
// CHECK-LABEL: func.func @weight_gradient
func.func @weight_gradient(%x: tensor<512x96xf32>, %dy: tensor<512x384xf32>) -> tensor<96x384xf32> {
  // CHECK: %[[ROWS:.*]] = stablehlo.transpose %arg0, dims = [1, 0]
  // CHECK: stablehlo.transpose {{.*}} -> tensor<24x512x16xf32>
  // CHECK: stablehlo.dot_general %[[ROWS]], {{.*}} {pock.tile = array<i64: 6, 16, 4>}
  %dw = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<512x96xf32>, tensor<512x384xf32>) -> tensor<96x384xf32>
  return %dw : tensor<96x384xf32>
}

// CHECK-LABEL: func.func @stacked
func.func @stacked(%q: tensor<8x128x32xf32>, %k: tensor<8x128x32xf32>) -> tensor<8x128x128xf32> {
  // CHECK: stablehlo.transpose {{.*}} -> tensor<8x8x32x16xf32>
  // CHECK: stablehlo.dot_general {{.*}} batching_dims = [0] x [0], contracting_dims = [2] x [2] {pock.tile
  // CHECK-SAME: -> tensor<8x128x8x16xf32>
  %y = stablehlo.dot_general %q, %k, batching_dims = [0] x [0], contracting_dims = [2] x [2]
    : (tensor<8x128x32xf32>, tensor<8x128x32xf32>) -> tensor<8x128x128xf32>
  return %y : tensor<8x128x128xf32>
}

// A 1x1 convolution is a product; 24 columns are a panel of their own.
// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: tensor<8x16x16x96xf32>, %w: tensor<1x1x96x24xf32>) -> tensor<8x16x16x24xf32> {
  // CHECK-NOT: stablehlo.convolution
  // CHECK: stablehlo.dot_general {{.*}} {pock.tile = array<i64: 4, 24, 4>} : (tensor<2048x96xf32>, tensor<1x96x24xf32>)
  // CHECK: stablehlo.reshape {{.*}} -> tensor<8x16x16x24xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<8x16x16x96xf32>, tensor<1x1x96x24xf32>) -> tensor<8x16x16x24xf32>
  return %y : tensor<8x16x16x24xf32>
}
