// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=%S/Inputs/bias.toml})' | filecheck %s

// Complex constants, equal ones shared, as any others.

// CHECK-LABEL: func.func @forward
// CHECK-NOT: stablehlo.complex
// CHECK: func.func private @fold
// CHECK: stablehlo.constant dense<(5.000000e-01,1.000000e+00)>
// CHECK-NOT: stablehlo.constant
"pock.parameter"() {sym_name = "base", kind = "weight", type = tensor<4xf32>} : () -> ()
"pock.parameter"() {sym_name = "bias", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = stablehlo.constant dense<(0.5, 1.0)> : tensor<4xcomplex<f32>>
  %b = stablehlo.constant dense<(0.5, 1.0)> : tensor<4xcomplex<f32>>
  %base = "pock.read"() {parameter = @base} : () -> tensor<4xf32>
  %bias = "pock.read"() {parameter = @bias} : () -> tensor<4xf32>
  %z = stablehlo.complex %base, %base : tensor<4xcomplex<f32>>
  %s = stablehlo.add %z, %a : tensor<4xcomplex<f32>>
  %p = stablehlo.multiply %s, %b : tensor<4xcomplex<f32>>
  %r = stablehlo.abs %p : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %y = stablehlo.multiply %x, %r : tensor<4xf32>
  %o = stablehlo.multiply %y, %bias : tensor<4xf32>
  return %o : tensor<4xf32>
}
