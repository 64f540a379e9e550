// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// Nothing is trained: nothing is mutable, and there is no state to read or write.

// CHECK: "util.global"() {{.*}}"w"
// CHECK-NOT: is_mutable
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-LABEL: func.func @predict
// CHECK-NEXT: %[[W:.*]] = "util.global.load"() {global = @w}
// CHECK-NEXT: stablehlo.multiply %arg0, %[[W]]
// CHECK-NOT: util.global.store
// CHECK-NOT: func.func
func.func @predict(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %y = stablehlo.multiply %x, %w : tensor<4xf32>
  return %y : tensor<4xf32>
}
