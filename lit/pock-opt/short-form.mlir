// RUN: not pock-opt %s 2>&1 | filecheck %s

// MLIR fails without a word on the short form of an op that is defined in Python.

"pock.parameter"() {sym_name = "w", type = tensor<3xf32>, kind = "weight"} : () -> ()
// CHECK: short-form.mlir:7:3: error: ops of this dialect have no short form
  pock.parameter @v : tensor<3xf32>
