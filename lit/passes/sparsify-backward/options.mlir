// RUN: pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=%S/Inputs/columns.toml})' | filecheck %s

// A run of indices is an update of its own. The scheme's axis "in" is dimension 1 of the framework's
// weight, which is dimension 0 as the weight is stored.

"pock.parameter"() {sym_name = "a.weight", kind = "weight", type = tensor<6x3xf32>, layout = array<i64: 1, 0>} : () -> ()
"pock.parameter"() {sym_name = "b.weight", kind = "weight", type = tensor<3x2xf32>} : () -> ()
"pock.parameter"() {sym_name = "b.bias", kind = "weight", type = tensor<2xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%a: tensor<6x3xf32>, %b: tensor<3x2xf32>, %c: tensor<2xf32>) {
  // CHECK:      %[[ONE:.*]] = stablehlo.slice %arg0 [0:1, 0:3]
  // CHECK-NEXT: "pock.update"(%[[ONE]]) {offsets = array<i64: 0, 0>, parameter = @a.weight, sizes = array<i64: 1, 3>}
  // CHECK-NEXT: %[[TWO:.*]] = stablehlo.slice %arg0 [3:5, 0:3]
  // CHECK-NEXT: "pock.update"(%[[TWO]]) {offsets = array<i64: 3, 0>, parameter = @a.weight, sizes = array<i64: 2, 3>}
  // CHECK-NEXT: "pock.update"(%arg2) {offsets = array<i64: 0>, parameter = @b.bias, sizes = array<i64: 2>}
  // CHECK-NEXT: return
  "pock.update"(%a) {parameter = @a.weight, offsets = array<i64: 0, 0>, sizes = array<i64: 6, 3>}
    : (tensor<6x3xf32>) -> ()
  "pock.update"(%b) {parameter = @b.weight, offsets = array<i64: 0, 0>, sizes = array<i64: 3, 2>}
    : (tensor<3x2xf32>) -> ()
  "pock.update"(%c) {parameter = @b.bias, offsets = array<i64: 0>, sizes = array<i64: 2>}
    : (tensor<2xf32>) -> ()
  return
}
