// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// A sum repeats the gradient.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<2x3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2xf32>) -> tensor<f32> {
  // CHECK: %[[D:.*]] = stablehlo.broadcast_in_dim %{{.*}}, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
  // CHECK: "pock.update"(%[[D]])
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x3xf32>
  %y = stablehlo.reduce(%w init: %zero) applies stablehlo.add across dimensions = [1]
    : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0] x [0]
    : (tensor<2xf32>, tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// Equal maxima share the gradient.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[MASK:.*]] = stablehlo.compare EQ
  // CHECK: %[[ONES:.*]] = stablehlo.select %[[MASK]]
  // CHECK: %[[COUNT:.*]] = stablehlo.reduce(%[[ONES]] {{.*}}) applies stablehlo.add
  // CHECK: stablehlo.divide %{{.*}}, %[[COUNT]]
  // CHECK: %[[D:.*]] = stablehlo.select %[[MASK]]
  // CHECK: "pock.update"(%[[D]])
  %low = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  %y = stablehlo.reduce(%w init: %low) applies stablehlo.maximum across dimensions = [0]
    : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// A negation never meets a reduction: `reduce(negate)` does not compile on GPU targets. It travels
// to the update; two that meet cancel.

"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<3xf32>} : () -> ()
"pock.parameter"() {sym_name = "c", kind = "weight", type = tensor<3xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK: stablehlo.dot_general
  // CHECK-NOT: stablehlo.negate
  // CHECK: %[[C:.*]] = stablehlo.reduce({{.*}}) applies stablehlo.add across dimensions = [0]
  // CHECK: %[[B:.*]] = stablehlo.reduce({{.*}}) applies stablehlo.add across dimensions = [0]
  // CHECK-NEXT: "pock.update"(%[[C]]) {{.*}}@c
  // CHECK-NEXT: %[[DB:.*]] = stablehlo.negate %[[B]]
  // CHECK-NEXT: "pock.update"(%[[DB]]) {{.*}}@b
  %b = "pock.read"() {parameter = @b} : () -> tensor<3xf32>
  %c = "pock.read"() {parameter = @c} : () -> tensor<3xf32>
  %bs = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %cs = stablehlo.broadcast_in_dim %c, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %d = stablehlo.subtract %bs, %cs : tensor<2x3xf32>
  %y = stablehlo.subtract %x, %d : tensor<2x3xf32>
  %loss = stablehlo.dot_general %y, %x, contracting_dims = [0, 1] x [0, 1]
    : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
