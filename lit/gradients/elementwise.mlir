// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// A rule reads the result where that serves as well as the operand.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: %[[T:.*]] = stablehlo.tanh %[[W]]
  // CHECK: %[[Y:.*]] = stablehlo.multiply %[[T]], %arg0
  // CHECK: %[[ONE:.*]] = stablehlo.constant dense<1.0
  // CHECK: %[[SQUARE:.*]] = stablehlo.multiply %[[T]], %[[T]]
  // CHECK: %[[SLOPE:.*]] = stablehlo.subtract %[[ONE]], %[[SQUARE]]
  // CHECK: %[[DW:.*]] = stablehlo.multiply %arg0, %[[SLOPE]]
  // CHECK: "pock.update"(%[[DW]])
  // CHECK: return %[[Y]]
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %t = stablehlo.tanh %w : tensor<f32>
  %y = stablehlo.multiply %t, %x : tensor<f32>
  return %y : tensor<f32>
}

// -----

// A square is one product, a known divisor becomes a factor.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[W:.*]] = "pock.read"
  // CHECK: stablehlo.divide
  // CHECK-NEXT: %[[HALF:.*]] = stablehlo.constant dense<5.000000e-01>
  // CHECK-NEXT: %[[DW:.*]] = stablehlo.multiply %[[HALF]], %[[W]]
  // CHECK-NEXT: "pock.update"(%[[DW]])
  %four = stablehlo.constant dense<4.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %s = stablehlo.multiply %w, %w : tensor<f32>
  %y = stablehlo.divide %s, %four : tensor<f32>
  return %y : tensor<f32>
}

// -----

// No gradient flows through a comparison; it flows through the chosen operand.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: %[[P:.*]] = stablehlo.compare
  // CHECK: %[[DY:.*]] = stablehlo.constant dense<1.0
  // CHECK: %[[ZERO:.*]] = stablehlo.constant dense<0.0
  // CHECK-NEXT: %[[DW:.*]] = stablehlo.select %[[P]], %[[DY]], %[[ZERO]]
  // CHECK-NEXT: "pock.update"(%[[DW]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %p = stablehlo.compare LT, %w, %x : (tensor<f32>, tensor<f32>) -> tensor<i1>
  %y = stablehlo.select %p, %w, %x : tensor<i1>, tensor<f32>
  return %y : tensor<f32>
}
