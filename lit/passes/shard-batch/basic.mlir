// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch)' | filecheck %s

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3xf32>} : () -> ()

// What one shard takes; its gradients are returned behind the loss.
// CHECK-LABEL: func.func private @train_step_shard(
// CHECK-SAME:    %arg0: tensor<4x3xf32>, %arg1: tensor<4xf32>) -> (tensor<f32>, tensor<3xf32>) attributes {no_inline}
// CHECK:         %[[W:.*]] = "pock.read"() {parameter = @w}
// CHECK:         %[[Y:.*]] = stablehlo.dot_general %arg0, %[[W]]
// CHECK:         %[[G:.*]] = stablehlo.dot_general %arg1, %arg0
// CHECK-NOT:     pock.update
// CHECK:         return %{{.*}}, %[[G]] : tensor<f32>, tensor<3xf32>

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME:    %arg0: tensor<4x3xf32> {pock.role = "input"}, %arg1: tensor<4x3xf32> {pock.role = "input"},
// CHECK-SAME:    %arg2: tensor<4xf32> {pock.role = "target"}, %arg3: tensor<4xf32> {pock.role = "target"},
// CHECK-SAME:    %arg4: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
// CHECK-NEXT:    %[[A:.*]]:2 = call @train_step_shard(%arg0, %arg2)
// CHECK-NEXT:    %[[B:.*]]:2 = call @train_step_shard(%arg1, %arg3)
// CHECK-NEXT:    %[[LOSS:.*]] = stablehlo.add %[[A]]#0, %[[B]]#0
// CHECK-NEXT:    %[[HALF:.*]] = stablehlo.constant dense<5.000000e-01> : tensor<f32>
// CHECK-NEXT:    %[[MEAN:.*]] = stablehlo.multiply %[[LOSS]], %[[HALF]]
// CHECK-NEXT:    %[[SUM:.*]] = stablehlo.add %[[A]]#1, %[[B]]#1
// CHECK-NEXT:    %[[HALVES:.*]] = stablehlo.constant dense<5.000000e-01> : tensor<3xf32>
// CHECK-NEXT:    %[[G:.*]] = stablehlo.multiply %[[SUM]], %[[HALVES]]
// CHECK-NEXT:    "pock.update"(%[[G]]) {offsets = array<i64: 0>, parameter = @w, sizes = array<i64: 3>}
// CHECK-NEXT:    return %[[MEAN]] : tensor<f32>
func.func @train_step(%x: tensor<4x3xf32> {pock.role = "input"}, %t: tensor<4xf32> {pock.role = "target"}, %rate: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4xf32>
  %loss = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  %g = stablehlo.dot_general %t, %x, contracting_dims = [0] x [0] : (tensor<4xf32>, tensor<4x3xf32>) -> tensor<3xf32>
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 3>} : (tensor<3xf32>) -> ()
  return %loss : tensor<f32>
}

// Results with rows are returned as they are, one of each shard.
// CHECK-LABEL: func.func private @predict_shard
// CHECK-LABEL: func.func @predict(%arg0: tensor<4x3xf32>, %arg1: tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
// CHECK-NEXT:    %[[A:.*]] = call @predict_shard(%arg0)
// CHECK-NEXT:    %[[B:.*]] = call @predict_shard(%arg1)
// CHECK-NEXT:    return %[[A]], %[[B]]
func.func @predict(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %y = stablehlo.negate %x : tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}
