// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=1})' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients)' | filecheck %s

// Without an update there is no norm; without a bound nothing is clipped.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4x3xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<4x3xf32>) {
  // CHECK-NEXT: return
  return
}

// RUN: pock-opt %s --pass-pipeline='builtin.module(clip-gradients{norm=1},mixed-precision)' | filecheck %s --check-prefix=WIDE

// The norm is no contraction for narrow floats.

// WIDE-LABEL: func.func @other
// WIDE-NOT: bf16
// WIDE: return
func.func @other(%g: tensor<4x3xf32>) {
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 3>} : (tensor<4x3xf32>) -> ()
  return
}
