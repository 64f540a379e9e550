// RUN: pock-opt %s --verify-diagnostics --split-input-file

// Gradients of convolutions: ranks, window attributes, channels and places.

func.func @f(%a: tensor<5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op needs 1 to 3 spatial dimensions, the image has 0}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op needs 1 to 3 spatial dimensions, the image has 4}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op image, kernel and output_gradient must have the same rank}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op 'strides' must have 2 entries, got [2]}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op 'dilations' must have 2 entries, got [1, 1, 1]}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op 'padding_low' must have 2 entries, got [0]}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op 'padding_high' must have 2 entries, got [0]}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 0>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op 'strides' must be an array<i64>}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = [2, 2], dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op strides and dilations must be positive}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 0, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x3x3x6xf32>, %b: tensor<3x3x2x6xf32>) {
  // expected-error @+1 {{'pock.conv_input_gradient' op strides and dilations must be positive}}
  %0 = "pock.conv_input_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, -1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x3x3x6xf32>, tensor<3x3x2x6xf32>) -> tensor<1x5x5x4xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op 'groups' must be positive, got 0}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 0 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op kernel tensor<3x3x2x6xf32> does not fit 4 channels in 3 groups}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 3 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3x3x6xf32>, %b: tensor<3x3x2x6xf32>) {
  // expected-error @+1 {{'pock.conv_input_gradient' op output_gradient tensor<2x3x3x6xf32> does not fit image tensor<1x5x5x4xf32> and kernel tensor<3x3x2x6xf32>}}
  %0 = "pock.conv_input_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<2x3x3x6xf32>, tensor<3x3x2x6xf32>) -> tensor<1x5x5x4xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x4x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op output_gradient must have 3 places in spatial dimension 1, got 4}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x4x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x?x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op image must have a static shape, got tensor<1x?x5x4xf32>}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x?x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x3x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op kernel must have a static shape, got tensor<?x3x2x6xf32>}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<?x3x2x6xf32>
  return
}

// -----

func.func @f(%a: tensor<1x5x5x4xf32>, %b: tensor<1x?x3x6xf32>) {
  // expected-error @+1 {{'pock.conv_kernel_gradient' op output_gradient must have a static shape, got tensor<1x?x3x6xf32>}}
  %0 = "pock.conv_kernel_gradient"(%a, %b) {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding_low = array<i64: 1, 0>, padding_high = array<i64: 1, 2>, groups = 2 : i64}
    : (tensor<1x5x5x4xf32>, tensor<1x?x3x6xf32>) -> tensor<3x3x2x6xf32>
  return
}
