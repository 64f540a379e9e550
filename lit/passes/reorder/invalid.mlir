// RUN: pock-opt %s --pass-pipeline='builtin.module(reorder)' --verify-diagnostics --split-input-file

// The pass itself refuses nothing; a module whose state does not fit is refused before it runs.

func.func @undeclared() -> tensor<4xf32> {
  // expected-error @below {{'@w'}}
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @twice(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  // expected-note @below {{the first is given here}}
  "pock.assign"(%a) {parameter = @w} : (tensor<4xf32>) -> ()
  // expected-error @below {{'@w' a second new value}}
  "pock.assign"(%b) {parameter = @w} : (tensor<4xf32>) -> ()
  return
}
