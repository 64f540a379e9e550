// RUN: pock-opt %s --verify-diagnostics --split-input-file

// The gradient of max-pooling: types that belong together, windows that fit.

func.func @f(%x: tensor<5x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x2xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op output_gradient must have the type of pooled, tensor<2x3xf32>}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<2x3xf32>, tensor<2x2xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<5x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op image_gradient must have the type of image, tensor<5x6xf32>}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x5xf32>
  return
}

// -----

func.func @f(%x: tensor<5x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op window attributes must have 2 entries, the rank of the image}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<5x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op windows and strides must be positive}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 0>, window_strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<5x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op windows and strides must be positive}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 0, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<5x6xf32>, %p: tensor<3x3xf32>, %dy: tensor<3x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op pooled must have 2 places in dimension 0, got 3}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<5x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op 'padding_low' must be an array<i64>}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2, 2>, padding_low = [0, 0], padding_high = array<i64: 0, 0>}
    : (tensor<5x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<?x6xf32>, %p: tensor<2x3xf32>, %dy: tensor<2x3xf32>) {
  // expected-error @+1 {{'pock.max_pool_gradient' op image must have a static shape, got tensor<?x6xf32>}}
  %0 = "pock.max_pool_gradient"(%x, %p, %dy) {window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>}
    : (tensor<?x6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<?x6xf32>
  return
}
