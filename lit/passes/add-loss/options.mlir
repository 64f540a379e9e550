// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=mse})' | filecheck %s

// Mean squared error, over all elements. A model in training mode has a @predict of its own, which
// stays, and its assignments go into the step.

"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<2x3xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32> {pock.note = 1 : i64, pock.role = "input"}
// CHECK-SAME: %[[T:.*]]: tensor<2x3xf32> {pock.role = "target"}
// CHECK: "pock.assign"
// CHECK: %[[D:.*]] = stablehlo.subtract %[[X]], %[[T]]
// CHECK: %[[S:.*]] = stablehlo.multiply %[[D]], %[[D]]
// CHECK: %[[SUM:.*]] = stablehlo.reduce(%[[S]] {{.*}}) applies stablehlo.add across dimensions = [0, 1]
// CHECK: %[[N:.*]] = stablehlo.constant dense<6.0
// CHECK: %[[LOSS:.*]] = stablehlo.divide %[[SUM]], %[[N]]
// CHECK: return %[[LOSS]]
// CHECK-NOT: @forward
func.func @forward(%x: tensor<2x3xf32> {pock.note = 1 : i64}) -> tensor<2x3xf32> {
  "pock.assign"(%x) {parameter = @mean} : (tensor<2x3xf32>) -> ()
  return %x : tensor<2x3xf32>
}

// CHECK: func.func @predict
// CHECK: stablehlo.negate
func.func @predict(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = stablehlo.negate %x : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
