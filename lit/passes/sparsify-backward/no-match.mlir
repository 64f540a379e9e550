// RUN: pock-opt %s --pass-pipeline='builtin.module(sparsify-backward)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=full})' | filecheck %s

// `full`, which is the default, keeps every update; a function without updates stays as it is.

"pock.parameter"() {sym_name = "a.weight", kind = "weight", type = tensor<2xf32>} : () -> ()
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<2xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%a: tensor<2xf32>) {
  // CHECK-NEXT: %[[G:.*]] = stablehlo.negate %arg0
  // CHECK-NEXT: "pock.update"(%[[G]]) {offsets = array<i64: 0>, parameter = @a.weight, sizes = array<i64: 2>}
  // CHECK-NEXT: "pock.assign"(%arg0) {parameter = @mean}
  %g = stablehlo.negate %a : tensor<2xf32>
  "pock.update"(%g) {parameter = @a.weight, offsets = array<i64: 0>, sizes = array<i64: 2>}
    : (tensor<2xf32>) -> ()
  "pock.assign"(%a) {parameter = @mean} : (tensor<2xf32>) -> ()
  return
}

// CHECK-LABEL: func.func @predict
func.func @predict(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: %[[Y:.*]] = stablehlo.tanh %arg0
  // CHECK-NEXT: return %[[Y]]
  %y = stablehlo.tanh %x : tensor<2xf32>
  return %y : tensor<2xf32>
}
