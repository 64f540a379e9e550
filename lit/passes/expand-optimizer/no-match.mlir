// RUN: pock-opt %s --pass-pipeline='builtin.module(expand-optimizer)' | filecheck %s

// An update that no optimizer was chosen for stays.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<4xf32>) {
  // CHECK-NEXT: "pock.update"(%arg0)
  // CHECK-NEXT: return
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>}
    : (tensor<4xf32>) -> ()
  return
}
