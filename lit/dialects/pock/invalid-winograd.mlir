// RUN: pock-opt %s --verify-diagnostics --split-input-file

// Winograd's transforms: squares that there are matrices for, and that fit the tensors.

func.func @f(%x: tensor<1x6x6x4xf32>) {
  // expected-error @+1 {{'pock.winograd_image' op 'side' must be one of 2, 4, got 3}}
  %0 = "pock.winograd_image"(%x) {side = 3 : i64} : (tensor<1x6x6x4xf32>) -> tensor<16x1x2x2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<6x6x4xf32>) {
  // expected-error @+1 {{'pock.winograd_image' op image must be [N, H, W, C], got tensor<6x6x4xf32>}}
  %0 = "pock.winograd_image"(%x) {side = 2 : i64} : (tensor<6x6x4xf32>) -> tensor<16x2x2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<1x6x7x4xf32>) {
  // expected-error @+1 {{'pock.winograd_image' op image must have 2 places more than a multiple of 2, got [6, 7]}}
  %0 = "pock.winograd_image"(%x) {side = 2 : i64} : (tensor<1x6x7x4xf32>) -> tensor<16x1x2x2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<1x6x6x4xf32>) {
  // expected-error @+1 {{'pock.winograd_image' op parts must have the shape [36, 1, 1, 1, 4], got tensor<16x1x2x2x4xf32>}}
  %0 = "pock.winograd_image"(%x) {side = 4 : i64} : (tensor<1x6x6x4xf32>) -> tensor<16x1x2x2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<1x6x6x4xf32>) {
  // expected-error @+1 {{'pock.winograd_image' op image and parts must have one element type}}
  %0 = "pock.winograd_image"(%x) {side = 4 : i64} : (tensor<1x6x6x4xf32>) -> tensor<36x1x1x1x4xf64>
  return
}

// -----

func.func @f(%x: tensor<3x2x4x6xf32>) {
  // expected-error @+1 {{'pock.winograd_kernel' op kernel must be [3, 3, C, O], got tensor<3x2x4x6xf32>}}
  %0 = "pock.winograd_kernel"(%x) {side = 2 : i64} : (tensor<3x2x4x6xf32>) -> tensor<16x4x6xf32>
  return
}

// -----

func.func @f(%x: tensor<3x3x4x6xf32>) {
  // expected-error @+1 {{'pock.winograd_kernel' op parts must have the shape [16, 4, 6], got tensor<16x6x4xf32>}}
  %0 = "pock.winograd_kernel"(%x) {side = 2 : i64} : (tensor<3x3x4x6xf32>) -> tensor<16x6x4xf32>
  return
}

// -----

func.func @f(%x: tensor<36x1x2x2x6xf32>) {
  // expected-error @+1 {{'pock.winograd_output' op parts must be [16, N, H, W, O], got tensor<36x1x2x2x6xf32>}}
  %0 = "pock.winograd_output"(%x) {side = 2 : i64} : (tensor<36x1x2x2x6xf32>) -> tensor<1x4x4x6xf32>
  return
}

// -----

func.func @f(%x: tensor<16x1x2x2x6xf32>) {
  // expected-error @+1 {{'pock.winograd_output' op output must have the shape [1, 4, 4, 6], got tensor<1x4x5x6xf32>}}
  %0 = "pock.winograd_output"(%x) {side = 2 : i64} : (tensor<16x1x2x2x6xf32>) -> tensor<1x4x5x6xf32>
  return
}
