// RUN: pock-opt --help | filecheck %s
// RUN: pock-opt --version | filecheck %s --check-prefix=VERSION
// RUN: pock-opt --show-dialects | filecheck %s --check-prefix=DIALECTS

// CHECK: USAGE: pock-opt
// CHECK: --verify-diagnostics
// CHECK: PASSES of pock-mlir
// CHECK: --apply-optimizer
// CHECK: kind=<str>
// CHECK-SAME: sgd, momentum, adam, adamw
// CHECK: PASSES of upstream
// CHECK: --canonicalize

// VERSION: pock-mlir {{[0-9]+\.[0-9]+}}

// DIALECTS: Available Dialects:
// DIALECTS-SAME: func
// DIALECTS-SAME: pock
// DIALECTS-SAME: stablehlo
