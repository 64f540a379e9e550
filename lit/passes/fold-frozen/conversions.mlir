// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=head},mixed-precision,fold-frozen{scheme=head only=conversions})' | filecheck %s

// Behind mixed-precision, the frozen weight is kept as bf16, and so is one that was folded before;
// the trained one is converted in each step.

"pock.parameter"() {sym_name = "first.weight", type = tensor<4x4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "second.weight", type = tensor<4x4xf32>, kind = "weight"} : () -> ()
"pock.parameter"() {sym_name = "head.weight", type = tensor<4x3xf32>, kind = "weight"} : () -> ()
// CHECK: kind = "folded", sym_name = "[[ONE:.*]]", type = tensor<4x4xf32>
// CHECK: kind = "folded", sym_name = "[[TWO:.*]]", type = tensor<4x4xbf16>
// CHECK: kind = "folded", sym_name = "[[THREE:.*]]", type = tensor<4x4xbf16>

// CHECK-LABEL: func.func @forward
// CHECK-NOT: @first.weight
// CHECK-COUNT-2: stablehlo.dot_general %{{.*}} : (tensor<2x4xbf16>, tensor<4x4xbf16>) -> tensor<2x4xf32>
// CHECK: %[[HEAD:.*]] = "pock.read"() {parameter = @head.weight}
// CHECK: stablehlo.convert %[[HEAD]]
func.func @forward(%x: tensor<2x4xf32>) -> tensor<2x3xf32> {
  %w = "pock.read"() {parameter = @first.weight} : () -> tensor<4x4xf32>
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %v = "pock.read"() {parameter = @second.weight} : () -> tensor<4x4xf32>
  %u = stablehlo.multiply %v, %v : tensor<4x4xf32>
  %z = stablehlo.dot_general %y, %u, contracting_dims = [1] x [0] : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %h = "pock.read"() {parameter = @head.weight} : () -> tensor<4x3xf32>
  %l = stablehlo.dot_general %z, %h, contracting_dims = [1] x [0] : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return %l : tensor<2x3xf32>
}

// CHECK-LABEL: func.func private @fold()
// CHECK: %[[SQUARE:.*]] = stablehlo.multiply
// CHECK: stablehlo.convert %[[SQUARE]]
// CHECK: return %[[SQUARE]], %{{.*}}, %{{.*}} : tensor<4x4xf32>, tensor<4x4xbf16>, tensor<4x4xbf16>
