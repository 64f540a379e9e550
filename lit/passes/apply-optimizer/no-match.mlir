// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adamw})' | filecheck %s

// Without an update there is no state, no step counter, and no need of a learning rate.

// CHECK-NOT: "state"
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<4xf32>) {
  // CHECK-NEXT: "pock.assign"(%arg0) {parameter = @mean}
  // CHECK-NEXT: return
  "pock.assign"(%x) {parameter = @mean} : (tensor<4xf32>) -> ()
  return
}
