// RUN: pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=head})' | filecheck %s

// The update of @a.weight goes, and with it what only that needed: the gradient of @a.weight, and
// the gradient that was propagated to there. The forward stays.

"pock.parameter"() {sym_name = "a.weight", kind = "weight", type = tensor<4x3xf32>} : () -> ()
"pock.parameter"() {sym_name = "b.weight", kind = "weight", type = tensor<3x2xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<2x4xf32>, %dz: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: "pock.read"() {parameter = @a.weight}
  // CHECK-COUNT-3: stablehlo.dot_general
  // CHECK-NOT: stablehlo.dot_general
  // CHECK: "pock.update"({{.*}}) {offsets = array<i64: 0, 0>, parameter = @b.weight
  // CHECK-NOT: stablehlo.dot_general
  // CHECK-NOT: pock.update
  // CHECK: return
  %a = "pock.read"() {parameter = @a.weight} : () -> tensor<4x3xf32>
  %b = "pock.read"() {parameter = @b.weight} : () -> tensor<3x2xf32>
  %y = stablehlo.dot_general %x, %a, contracting_dims = [1] x [0]
    : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  %z = stablehlo.dot_general %y, %b, contracting_dims = [1] x [0]
    : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  %db = stablehlo.dot_general %y, %dz, contracting_dims = [0] x [0]
    : (tensor<2x3xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  "pock.update"(%db) {parameter = @b.weight, offsets = array<i64: 0, 0>, sizes = array<i64: 3, 2>}
    : (tensor<3x2xf32>) -> ()
  %dy = stablehlo.dot_general %dz, %b, contracting_dims = [1] x [1]
    : (tensor<2x2xf32>, tensor<3x2xf32>) -> tensor<2x3xf32>
  %da = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  "pock.update"(%da) {parameter = @a.weight, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 3>}
    : (tensor<4x3xf32>) -> ()
  return %z : tensor<2x2xf32>
}
