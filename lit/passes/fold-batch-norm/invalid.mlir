// RUN: not pock-opt %s --pass-pipeline='builtin.module(fold-batch-norm{scheme=heads})' 2>&1 | filecheck %s
// RUN: not pock-opt %s --pass-pipeline='builtin.module(fold-frozen{scheme=heads})' 2>&1 | filecheck %s

// CHECK: error: no scheme or file 'heads'; did you mean 'head'?

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x3xf32>} : () -> ()
