// RUN: not pock-opt %s --diferentiate 2>&1 | filecheck %s --check-prefix=FLAG
// RUN: not pock-opt %s --pass-pipeline='builtin.module(cse,diferentiate)' 2>&1 | filecheck %s --check-prefix=PASS
// RUN: not pock-opt %s --apply-optimizer=knd=sgd 2>&1 | filecheck %s --check-prefix=OPTION
// RUN: not pock-opt %s --pass-pipeline='builtin.module(func.func(differentiate))' 2>&1 | filecheck %s --check-prefix=ANCHOR
// RUN: not pock-opt %t.nowhere 2>&1 | filecheck %s --check-prefix=FILE
// RUN: not pock-opt %s -o %t.nowhere/out.mlir 2>&1 | filecheck %s --check-prefix=OUTPUT

// One clear message for each mistake on the command line.

// FLAG: pock-opt: unknown option or pass '--diferentiate'; did you mean '--differentiate'?
// PASS: pock-opt: unknown pass 'diferentiate'; did you mean differentiate?
// OPTION: pock-opt: pass 'apply-optimizer' has no option 'knd'; did you mean kind?
// ANCHOR: pock-opt: pass 'differentiate' works on the whole module
// FILE: pock-opt: cannot open input file '{{.*}}.nowhere': No such file or directory
// OUTPUT: pock-opt: cannot write output file '{{.*}}out.mlir': No such file or directory
