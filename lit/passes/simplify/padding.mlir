// RUN: pock-opt %s --pass-pipeline='builtin.module(simplify)' | filecheck %s

// TensorFlow's SAME padding at stride 2: one row and column more after than before.

// CHECK-LABEL: func.func @convolution
func.func @convolution(%x: tensor<1x4x4x2xf32>, %w: tensor<3x3x2x5xf32>) -> tensor<1x2x2x5xf32> {
  // CHECK-NOT: stablehlo.pad
  // CHECK: stablehlo.convolution(%arg0, %arg1) {{.*}}pad = {{\[\[}}0, 1], [0, 1]]
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %p = stablehlo.pad %x, %zero, low = [0, 0, 0, 0], high = [0, 1, 1, 0], interior = [0, 0, 0, 0]
    : (tensor<1x4x4x2xf32>, tensor<f32>) -> tensor<1x5x5x2xf32>
  %y = stablehlo.convolution(%p, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [2, 2]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x5x5x2xf32>, tensor<3x3x2x5xf32>) -> tensor<1x2x2x5xf32>
  return %y : tensor<1x2x2x5xf32>
}

// A border of zeros is no border of a maximum.

// CHECK-LABEL: func.func @maximum
func.func @maximum(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: stablehlo.pad
  // CHECK: stablehlo.reduce_window
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %least = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %p = stablehlo.pad %x, %zero, low = [0], high = [1], interior = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<5xf32>
  %y = "stablehlo.reduce_window"(%p, %least) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %m = stablehlo.maximum %a, %b : tensor<f32>
    stablehlo.return %m : tensor<f32>
  }) {window_dimensions = array<i64: 2>} : (tensor<5xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// Padding that no window reaches is left out, the image itself is cut only where the output is one
// place wide.

// CHECK-LABEL: func.func @unused
func.func @unused(%x: tensor<1x6x2x2xf32>, %w: tensor<3x3x2x5xf32>) -> tensor<1x3x1x5xf32> {
  // CHECK: stablehlo.convolution(%arg0, %arg1) {{.*}}pad = {{\[\[}}1, 0], [1, 0]]
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [2, 2], pad = [[1, 1], [1, 1]]}
    {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x6x2x2xf32>, tensor<3x3x2x5xf32>) -> tensor<1x3x1x5xf32>
  return %y : tensor<1x3x1x5xf32>
}

// CHECK-LABEL: func.func @cut
func.func @cut(%x: tensor<1x6x4x2xf32>, %w: tensor<3x3x2x5xf32>) -> tensor<1x2x1x5xf32> {
  // CHECK: stablehlo.convolution(%arg0, %arg1) {{.*}}pad = {{\[\[}}0, 0], [0, -1]]
  %y = stablehlo.convolution(%x, %w) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f],
    window = {stride = [2, 2]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64}
    : (tensor<1x6x4x2xf32>, tensor<3x3x2x5xf32>) -> tensor<1x2x1x5xf32>
  return %y : tensor<1x2x1x5xf32>
}
