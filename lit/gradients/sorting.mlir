// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The forward sorts positions along, the gradient is sorted by position.

// CHECK-LABEL: func.func @train_step(
// CHECK: %[[W:.*]] = "pock.read"
// CHECK: %[[IOTA:.*]] = stablehlo.iota dim = 0 : tensor<4xi32>
// CHECK: %[[ALONG:.*]]:2 = "stablehlo.sort"(%[[W]], %[[IOTA]]) <{dimension = 0 : i64, is_stable = true}>
// CHECK: stablehlo.compare GT
// CHECK: stablehlo.dot_general %[[ALONG]]#0
// CHECK: %[[BACK:.*]]:2 = "stablehlo.sort"(%[[ALONG]]#1, %{{.*}})
// CHECK: stablehlo.compare LT
// CHECK: "pock.update"(%[[BACK]]#1)
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @train_step(%dy: tensor<4xf32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %y = "stablehlo.sort"(%w) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.compare GT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  }) {dimension = 0 : i64, is_stable = true} : (tensor<4xf32>) -> tensor<4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}

// -----

// CHECK-LABEL: func.func @train_step(
// CHECK: %[[VALUES:.*]], %[[PLACES:.*]] = chlo.top_k
// CHECK: %[[IOTA:.*]] = stablehlo.iota dim = 1 : tensor<2x4xi32>
// CHECK: %[[SPREAD:.*]] = stablehlo.broadcast_in_dim %[[PLACES]], dims = [0]
// CHECK: %[[CHOSEN:.*]] = stablehlo.compare EQ, %[[IOTA]], %[[SPREAD]]
// CHECK: %[[TERMS:.*]] = stablehlo.select %[[CHOSEN]]
// CHECK: %[[DW:.*]] = stablehlo.reduce(%[[TERMS]] init: {{.*}}) applies stablehlo.add across dimensions = [0]
// CHECK: "pock.update"(%[[DW]])
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @train_step(%dy: tensor<2xf32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %v, %i = chlo.top_k(%w, k = 2) : tensor<4xf32> -> (tensor<2xf32>, tensor<2xi32>)
  %loss = stablehlo.dot_general %v, %dy, contracting_dims = [0] x [0]
    : (tensor<2xf32>, tensor<2xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
