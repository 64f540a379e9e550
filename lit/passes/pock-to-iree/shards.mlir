// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch,apply-optimizer,pock-to-iree)' | filecheck %s

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// Neither MLIR's inliner nor IREE's takes a shard in; its arguments come from the only device.
// CHECK: func.func private @train_step_shard({{.*}} attributes {no_inline, noinline, stream.affinity = #hal.device.affinity<@__device_0>}

// The mean of the gradients is computed in the kernel of the update.
// CHECK-LABEL: func.func @train_step(
// CHECK:         %[[A:.*]]:2 = call @train_step_shard(%arg0)
// CHECK:         %[[B:.*]]:2 = call @train_step_shard(%arg1)
// CHECK:         flow.dispatch.workgroups"(%[[A]]#1, %[[B]]#1, %arg2, %
// CHECK:           linalg.generic
// CHECK:             %[[SUM:.*]] = arith.addf
// CHECK:             %[[HALF:.*]] = arith.constant 5.000000e-01
// CHECK:             arith.mulf %[[SUM]], %[[HALF]]
// CHECK:           linalg.generic
// CHECK:             arith.subf
func.func @train_step(%x: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  %loss = stablehlo.constant dense<1.0> : tensor<f32>
  %g = stablehlo.negate %x : tensor<4xf32>
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>) -> ()
  return %loss : tensor<f32>
}
