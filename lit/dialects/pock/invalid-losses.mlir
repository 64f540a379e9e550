// RUN: pock-opt %s --verify-diagnostics --split-input-file

// The fused loss and its gradient: one integer label per row, scalars.

func.func @f(%y: tensor<2x5x1xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op labels must have one entry per row of logits, got tensor<2xi32> for tensor<2x5x1xf32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5x1xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<3xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op labels must have one entry per row of logits, got tensor<3xi32> for tensor<2x5xf32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5xf32>, tensor<3xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xf32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op labels must be integers, got tensor<2xf32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5xf32>, tensor<2xf32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op loss must be a rank-0 tensor}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<1xf32>
  return
}

// -----

func.func @f(%y: tensor<?x5xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op logits must have a static shape, got tensor<?x5xf32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<?x5xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xf32>, %l: tensor<f32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy_gradient' op labels must be integers, got tensor<2xf32>}}
  %0 = "pock.softmax_cross_entropy_gradient"(%y, %t, %l) : (tensor<2x5xf32>, tensor<2xf32>, tensor<f32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xi32>, %l: tensor<2xf32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy_gradient' op loss_gradient must be a rank-0 tensor}}
  %0 = "pock.softmax_cross_entropy_gradient"(%y, %t, %l) : (tensor<2x5xf32>, tensor<2xi32>, tensor<2xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xi32>, %l: tensor<f32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy_gradient' op logits_gradient must have the type of logits, tensor<2x5xf32>}}
  %0 = "pock.softmax_cross_entropy_gradient"(%y, %t, %l) : (tensor<2x5xf32>, tensor<2xi32>, tensor<f32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%y: tensor<5xf32>, %t: tensor<i32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op logits must have rows and classes, got tensor<5xf32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<5xf32>, tensor<i32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xi32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op logits must be floats, got tensor<2x5xi32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x5xi32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op 'dimension' must be one of the 2 of logits, got 2}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) {dimension = 2} : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op labels must have one entry per row of logits, got tensor<2xi32> for tensor<2x5xf32>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) {dimension = 0} : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x5xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op 'label_smoothing' must be in [0, 1], got 1.5}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) {label_smoothing = 1.5} : (tensor<2x5xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x3xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op 'class_weights' must have 3 entries, one per class, got 2}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) {class_weights = array<f64: 1.0, 2.0>} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x3xf32>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op 'class_weights' must be finite and not negative, got [1.0, -2.0, 3.0]}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) {class_weights = array<f64: 1.0, -2.0, 3.0>} : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<f32>
  return
}

// -----

func.func @f(%y: tensor<2x3xbf16>, %t: tensor<2xi32>) {
  // expected-error @+1 {{'pock.softmax_cross_entropy' op loss must be a tensor<f32>, got tensor<bf16>}}
  %0 = "pock.softmax_cross_entropy"(%y, %t) : (tensor<2x3xbf16>, tensor<2xi32>) -> tensor<bf16>
  return
}
