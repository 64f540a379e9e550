// RUN: pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=x86-64-avx2 database=%S/Inputs/tiny.toml})' | filecheck %s

// Every form that a database may ask for; Inputs/tiny.toml says which product is to have which.

// What the training step multiplies is kept; here every function but one is no training step.
// CHECK: module attributes {pock.products = {"f32 9*128x128x32 mk nk" = 2 : i64}}

// The right operand in panels of 16 columns, from [k, n].
// CHECK-LABEL: func.func @panels
func.func @panels(%x: tensor<500x384xf32>, %w: tensor<384x96xf32>) -> tensor<500x96xf32> {
  // CHECK: %[[SPLIT:.*]] = stablehlo.reshape %arg1 : (tensor<384x96xf32>) -> tensor<384x6x16xf32>
  // CHECK: %[[PANELS:.*]] = stablehlo.transpose %[[SPLIT]], dims = [1, 0, 2]
  // CHECK: %[[Y:.*]] = stablehlo.dot_general %arg0, %[[PANELS]], contracting_dims = [1] x [1] {pock.tile = array<i64: 4, 16, 4>}
  // CHECK-SAME: -> tensor<500x6x16xf32>
  // CHECK: stablehlo.reshape %[[Y]] : (tensor<500x6x16xf32>) -> tensor<500x96xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<500x384xf32>, tensor<384x96xf32>) -> tensor<500x96xf32>
  return %y : tensor<500x96xf32>
}

// The left operand in panels, the right one as it is: the result is the transpose.
// CHECK-LABEL: func.func @swapped
func.func @swapped(%x: tensor<500x384xf32>, %w: tensor<96x384xf32>) -> tensor<500x96xf32> {
  // CHECK: stablehlo.reshape %arg0 : (tensor<500x384xf32>) -> tensor<125x4x384xf32>
  // CHECK: %[[PANELS:.*]] = stablehlo.transpose {{.*}}, dims = [0, 2, 1]
  // CHECK: stablehlo.dot_general %arg1, %[[PANELS]], contracting_dims = [1] x [1] {pock.tile = array<i64: 6, 4, 4>}
  // CHECK: stablehlo.transpose {{.*}} : (tensor<96x500xf32>) -> tensor<500x96xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<500x384xf32>, tensor<96x384xf32>) -> tensor<500x96xf32>
  return %y : tensor<500x96xf32>
}

// Gradients of weights: both operands arranged; none; the right one only.
// CHECK-LABEL: func.func @weight_gradients
func.func @weight_gradients(%x: tensor<500x96xf32>, %v: tensor<500x192xf32>, %u: tensor<500x288xf32>,
    %dy: tensor<500x384xf32>) -> (tensor<96x384xf32>, tensor<192x384xf32>, tensor<288x384xf32>) {
  // CHECK: %[[ROWS:.*]] = stablehlo.transpose %arg0, dims = [1, 0]
  // CHECK: stablehlo.transpose {{.*}} -> tensor<24x500x16xf32>
  // CHECK: stablehlo.dot_general %[[ROWS]], {{.*}} contracting_dims = [1] x [1] {pock.tile = array<i64: 6, 16, 4>}
  %0 = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<500x96xf32>, tensor<500x384xf32>) -> tensor<96x384xf32>
  // CHECK: stablehlo.dot_general %arg1, %arg3, contracting_dims = [0] x [0] {pock.tile = array<i64: 6, 16, 4>}
  %1 = stablehlo.dot_general %v, %dy, contracting_dims = [0] x [0]
    : (tensor<500x192xf32>, tensor<500x384xf32>) -> tensor<192x384xf32>
  // CHECK: stablehlo.dot_general %arg2, {{.*}} contracting_dims = [0] x [1] {pock.tile = array<i64: 6, 16, 4>}
  %2 = stablehlo.dot_general %u, %dy, contracting_dims = [0] x [0]
    : (tensor<500x288xf32>, tensor<500x384xf32>) -> tensor<288x384xf32>
  return %0, %1, %2 : tensor<96x384xf32>, tensor<192x384xf32>, tensor<288x384xf32>
}

// All of the right operand is read, sixteen rows at a time, as it lies.
// CHECK-LABEL: func.func @streams
func.func @streams(%x: tensor<24x384xf32>, %w: tensor<384x384xf32>) -> tensor<24x384xf32> {
  // CHECK-NEXT: %[[Y:.*]] = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [0] {pock.block = 16 : i64, pock.tile = array<i64: 6, 16, 4>}
  // CHECK-NEXT: return %[[Y]]
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<24x384xf32>, tensor<384x384xf32>) -> tensor<24x384xf32>
  return %y : tensor<24x384xf32>
}

// A single row is a vector: IREE would take the dimension away, and with it the tile.
// CHECK-LABEL: func.func @row
func.func @row(%x: tensor<1x384xf32>, %w: tensor<384x384xf32>) -> tensor<1x384xf32> {
  // CHECK: %[[X:.*]] = stablehlo.reshape %arg0 : (tensor<1x384xf32>) -> tensor<384xf32>
  // CHECK: stablehlo.dot_general %[[X]], %arg1, contracting_dims = [0] x [0] {pock.tile = array<i64: 1, 64, 4>}
  // CHECK: stablehlo.reshape {{.*}} : (tensor<384xf32>) -> tensor<1x384xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<1x384xf32>, tensor<384x384xf32>) -> tensor<1x384xf32>
  return %y : tensor<1x384xf32>
}

// A single panel is a matrix too. No tile divides 49 rows: the last one is smaller.
// CHECK-LABEL: func.func @panel
func.func @panel(%x: tensor<49x384xf32>, %w: tensor<16x384xf32>) -> tensor<49x16xf32> {
  // CHECK: %[[W:.*]] = stablehlo.transpose %arg1, dims = [1, 0]
  // CHECK: stablehlo.dot_general %arg0, %[[W]], contracting_dims = [1] x [0] {pock.tile = array<i64: 5, 16, 4>}
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
    : (tensor<49x384xf32>, tensor<16x384xf32>) -> tensor<49x16xf32>
  return %y : tensor<49x16xf32>
}

// CHECK-LABEL: func.func @train_step
func.func @train_step(%q: tensor<9x128x32xf32>, %k: tensor<9x128x32xf32>)
    -> (tensor<9x128x128xf32>, tensor<9x128x128xf32>) {
  // CHECK: stablehlo.transpose {{.*}} -> tensor<9x8x32x16xf32>
  // CHECK: stablehlo.dot_general {{.*}} batching_dims = [0] x [0], contracting_dims = [2] x [2] {pock.tile
  // CHECK-SAME: -> tensor<9x128x8x16xf32>
  %y = stablehlo.dot_general %q, %k, batching_dims = [0] x [0], contracting_dims = [2] x [2]
    : (tensor<9x128x32xf32>, tensor<9x128x32xf32>) -> tensor<9x128x128xf32>
  %z = stablehlo.dot_general %k, %q, batching_dims = [0] x [0], contracting_dims = [2] x [2]
    : (tensor<9x128x32xf32>, tensor<9x128x32xf32>) -> tensor<9x128x128xf32>
  return %y, %z : tensor<9x128x128xf32>, tensor<9x128x128xf32>
}

// A 1x1 convolution is a product; 40 columns are five panels of 8. For 80, IREE's form is best.
// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: tensor<8x16x16x96xf32>, %w: tensor<1x1x96x40xf32>, %v: tensor<1x1x96x80xf32>)
    -> (tensor<8x16x16x40xf32>, tensor<8x16x16x80xf32>) {
  // CHECK-NOT: stablehlo.convolution
  // CHECK: stablehlo.dot_general {{.*}} {pock.tile = array<i64: 4, 8, 4>} : (tensor<2048x96xf32>, tensor<5x96x8xf32>)
  // CHECK: stablehlo.reshape {{.*}} -> tensor<8x16x16x40xf32>
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<8x16x16x96xf32>, tensor<1x1x96x40xf32>) -> tensor<8x16x16x40xf32>
  // CHECK: stablehlo.dot_general {{.*}}, contracting_dims = [1] x [0] : (tensor<2048x96xf32>, tensor<96x80xf32>)
  %z = stablehlo.convolution(%x, %v) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<8x16x16x96xf32>, tensor<1x1x96x80xf32>) -> tensor<8x16x16x80xf32>
  return %y, %z : tensor<8x16x16x40xf32>, tensor<8x16x16x80xf32>
}
