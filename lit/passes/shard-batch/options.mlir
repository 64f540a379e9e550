// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch{shards=1})' | filecheck %s --check-prefix=ONE
// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch{shards=3})' | filecheck %s --check-prefix=THREE
// RUN: pock-opt %s --pass-pipeline='builtin.module(scale-loss,shard-batch)' | filecheck %s --check-prefix=SCALED
// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch,accumulate-gradients)' | filecheck %s --check-prefix=ACCUMULATED

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// ONE-NOT: call

// What is an argument, or a weight, becomes a gradient in memory of its own: another update may
// change that.
// THREE-LABEL: func.func private @train_step_shard
// THREE:         %[[ZEROS:.*]] = stablehlo.constant dense<0.000000e+00> : tensor<4xf32>
// THREE-NEXT:    %[[G:.*]] = stablehlo.add %arg0, %[[ZEROS]]
// THREE-NEXT:    return %{{.*}}, %[[G]]
// THREE-LABEL: func.func @train_step(
// THREE:         %[[A:.*]]:2 = call @train_step_shard(%arg0)
// THREE-NEXT:    %[[B:.*]]:2 = call @train_step_shard(%arg1)
// THREE-NEXT:    %[[C:.*]]:2 = call @train_step_shard(%arg2)
// THREE-NEXT:    %[[AB:.*]] = stablehlo.add %[[A]]#0, %[[B]]#0
// THREE-NEXT:    %[[SUM:.*]] = stablehlo.add %[[AB]], %[[C]]#0
// THREE-NEXT:    %[[THIRD:.*]] = stablehlo.constant dense<0.333333343> : tensor<f32>
// THREE-NEXT:    stablehlo.multiply %[[SUM]], %[[THIRD]]

// The mean of the losses is scaled where the loss was, for `unscale-gradients` to find.
// SCALED-LABEL: func.func private @train_step_shard
// SCALED:         %[[LOSS:.*]] = stablehlo.constant dense<1.000000e+00>
// SCALED-NOT:     pock.loss_scale
// SCALED:         return %[[LOSS]],
// SCALED-LABEL: func.func @train_step(
// SCALED:         %[[MEAN:.*]] = stablehlo.multiply
// SCALED:         %[[SCALED:.*]] = stablehlo.multiply %[[MEAN]], %{{.*}} {pock.loss_scale}
// SCALED:         return %[[SCALED]]

// The shards of a batch are added before those of several batches; all steps call one function.
// ACCUMULATED-LABEL: func.func @accumulate_step
// ACCUMULATED-COUNT-2: call @train_step_shard
// ACCUMULATED:         "pock.accumulate"
// ACCUMULATED-LABEL: func.func @train_step(
// ACCUMULATED-COUNT-2: call @train_step_shard
// ACCUMULATED:         "pock.accumulate"
func.func @train_step(%x: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %loss = stablehlo.constant dense<1.0> : tensor<f32>
  "pock.update"(%x) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return %loss : tensor<f32>
}

// THREE-LABEL: func.func private @evaluate_shard
// THREE-LABEL: func.func @evaluate(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>) -> tensor<f32>
func.func @evaluate(%x: tensor<4xf32>) -> tensor<f32> {
  %loss = stablehlo.constant dense<1.0> : tensor<f32>
  return %loss : tensor<f32>
}
