// RUN: pock-opt %s --pass-pipeline='builtin.module(fold-frozen)' --verify-diagnostics

"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<4xf32>} : () -> ()

// expected-error @below {{the module has a @fold already: run fold-frozen once}}
func.func private @fold() -> tensor<4xf32> {
  %mean = "pock.read"() {parameter = @mean} : () -> tensor<4xf32>
  return %mean : tensor<4xf32>
}
