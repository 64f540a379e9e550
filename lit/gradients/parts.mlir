// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The gradients of slices that lie side by side, such as layers that are stacked in one parameter,
// are put together; they are not padded and added up.

// CHECK-LABEL: func.func @train_step(
// CHECK-COUNT-4: stablehlo.multiply
// CHECK: %[[DW:.*]] = stablehlo.concatenate %{{.*}}, %{{.*}}, %{{.*}}, dim = 0 : (tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3xf32>
// CHECK-NOT: stablehlo.pad
// CHECK: "pock.update"(%[[DW]])
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3xf32>} : () -> ()
func.func @train_step(%x: tensor<1xf32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  %w0 = stablehlo.slice %w [0:1] : (tensor<3xf32>) -> tensor<1xf32>
  %0 = stablehlo.multiply %x, %w0 : tensor<1xf32>
  %w1 = stablehlo.slice %w [1:2] : (tensor<3xf32>) -> tensor<1xf32>
  %1 = stablehlo.multiply %0, %w1 : tensor<1xf32>
  %w2 = stablehlo.slice %w [2:3] : (tensor<3xf32>) -> tensor<1xf32>
  %2 = stablehlo.multiply %1, %w2 : tensor<1xf32>
  %y = stablehlo.reshape %2 : (tensor<1xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// The gradient of a slice at a computed index is added in place.

// CHECK-LABEL: func.func @train_step(
// CHECK: %[[FIRST:.*]] = stablehlo.dynamic_update_slice
// CHECK: %[[OLD:.*]] = stablehlo.dynamic_slice %[[FIRST]], %arg1
// CHECK: %[[NEW:.*]] = stablehlo.add %[[OLD]]
// CHECK: %[[DW:.*]] = stablehlo.dynamic_update_slice %[[FIRST]], %[[NEW]], %arg1
// CHECK: "pock.update"(%[[DW]])
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3xf32>} : () -> ()
func.func @train_step(%i: tensor<i32>, %j: tensor<i32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  %w0 = stablehlo.dynamic_slice %w, %i, sizes = [1] : (tensor<3xf32>, tensor<i32>) -> tensor<1xf32>
  %w1 = stablehlo.dynamic_slice %w, %j, sizes = [1] : (tensor<3xf32>, tensor<i32>) -> tensor<1xf32>
  %1 = stablehlo.multiply %w0, %w1 : tensor<1xf32>
  %y = stablehlo.reshape %1 : (tensor<1xf32>) -> tensor<f32>
  return %y : tensor<f32>
}
