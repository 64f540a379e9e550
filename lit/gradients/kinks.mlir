// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// relu: the mask comes from the result, which the next layer keeps; relu'(0) = 0.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[Y:.*]] = stablehlo.maximum
  // CHECK: stablehlo.compare GT, %[[Y]], %{{.*}}, FLOAT
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = stablehlo.maximum %w, %zero : tensor<f32>
  return %y : tensor<f32>
}

// -----

// relu6: both masks come from the result of the second op. They are open at both ends.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2xf32>) -> tensor<f32> {
  // CHECK: %[[M:.*]] = stablehlo.maximum
  // CHECK: %[[Y:.*]] = stablehlo.minimum %[[M]]
  // CHECK: stablehlo.compare LT, %[[Y]], %{{.*}}, FLOAT
  // CHECK: stablehlo.compare GT, %[[Y]], %{{.*}}, FLOAT
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %six = stablehlo.constant dense<6.0> : tensor<f32>
  %zeros = stablehlo.broadcast_in_dim %zero, dims = [] : (tensor<f32>) -> tensor<2xf32>
  %sixes = stablehlo.broadcast_in_dim %six, dims = [] : (tensor<f32>) -> tensor<2xf32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  %m = stablehlo.maximum %w, %zeros : tensor<2xf32>
  %y = stablehlo.minimum %m, %sixes : tensor<2xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<2xf32>, tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// clamp: closed at both ends.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK-DAG: stablehlo.compare GE, %[[W]], %{{.*}}, FLOAT
  // CHECK-DAG: stablehlo.compare LE, %[[W]], %{{.*}}, FLOAT
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %six = stablehlo.constant dense<6.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = stablehlo.clamp %zero, %w, %six : tensor<f32>
  return %y : tensor<f32>
}

// -----

// clamp(0, x + 3, 6), as of hard-swish: open at both ends.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[X:.*]] = stablehlo.add
  // CHECK-DAG: stablehlo.compare GT, %[[X]], %{{.*}}, FLOAT
  // CHECK-DAG: stablehlo.compare LT, %[[X]], %{{.*}}, FLOAT
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %three = stablehlo.constant dense<3.0> : tensor<f32>
  %six = stablehlo.constant dense<6.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %x = stablehlo.add %w, %three : tensor<f32>
  %y = stablehlo.clamp %zero, %x, %six : tensor<f32>
  return %y : tensor<f32>
}

// -----

// No mask for an infinite bound.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: stablehlo.compare GE
  // CHECK-NOT: stablehlo.compare
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %high = stablehlo.constant dense<0x7F800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = stablehlo.clamp %zero, %w, %high : tensor<f32>
  return %y : tensor<f32>
}
