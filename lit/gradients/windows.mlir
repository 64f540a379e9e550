// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// With dilations, the extremum of a window is looked for place by place: what one place got is not
// left for the next one.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<2xf32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: %[[Y:.*]] = "stablehlo.reduce_window"
  // CHECK: %[[A:.*]] = stablehlo.slice %[[W]] [0:2]
  // CHECK: %[[P:.*]] = stablehlo.compare EQ, %[[A]], %[[Y]]
  // CHECK: stablehlo.select %[[P]], %[[DY:[^,]*]], %
  // CHECK: %[[LEFT:.*]] = stablehlo.select %[[P]], %{{[^,]*}}, %[[DY]]
  // CHECK: %[[B:.*]] = stablehlo.slice %[[W]] [2:4]
  // CHECK: %[[Q:.*]] = stablehlo.compare EQ, %[[B]], %[[Y]]
  // CHECK: stablehlo.select %[[Q]], %[[LEFT]]
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %y = "stablehlo.reduce_window"(%w, %low) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.maximum %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 2>, window_dilations = array<i64: 2>}
    : (tensor<4xf32>, tensor<f32>) -> tensor<2xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0] x [0]
    : (tensor<2xf32>, tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// What was scattered to the largest of a window gets what is there; the image gets nothing.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>, %dy: tensor<4xf32>) -> tensor<f32> {
  // CHECK: "stablehlo.select_and_scatter"
  // CHECK: stablehlo.compare GE, {{.*}} : (tensor<2xf32>, tensor<2xf32>)
  // CHECK: "pock.update"
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  %y = "stablehlo.select_and_scatter"(%x, %w, %zero) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.compare GE, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  }, {
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>}
    : (tensor<4xf32>, tensor<2xf32>, tensor<f32>) -> tensor<4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
