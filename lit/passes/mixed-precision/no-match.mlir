// RUN: pock-opt %s --pass-pipeline='builtin.module(mixed-precision)' | filecheck %s
// RUN: not pock-opt %s --pass-pipeline='builtin.module(mixed-precision{type=f8})' 2>&1 | filecheck %s --check-prefix=TYPE

// TYPE: error: type must be bf16 or f16, got 'f8'

// Contractions of other types than f32, and what is computed at compile time, stay as they are.

// CHECK-NOT: stablehlo.convert
func.func @predict(%x: tensor<2x2xf64>, %i: tensor<2x2xi32>) -> (tensor<2x2xf64>, tensor<2x2xi32>) {
  %y = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (tensor<2x2xf64>, tensor<2x2xf64>) -> tensor<2x2xf64>
  %j = stablehlo.dot_general %i, %i, contracting_dims = [1] x [0] : (tensor<2x2xi32>, tensor<2x2xi32>) -> tensor<2x2xi32>
  return %y, %j : tensor<2x2xf64>, tensor<2x2xi32>
}
"pock.parameter"() {sym_name = "w", type = tensor<2x2xf32>, kind = "weight"} : () -> ()
func.func private @fold() -> tensor<2x2xf32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2x2xf32>
  %y = stablehlo.dot_general %w, %w, contracting_dims = [1] x [0] : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
