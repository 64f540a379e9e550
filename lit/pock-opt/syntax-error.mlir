// RUN: not pock-opt %s 2>&1 | filecheck %s
// RUN: not pock-opt %s -o %t.mlir
// RUN: not cat %t.mlir

// Input that does not parse; nothing is written.

// CHECK: syntax-error.mlir:10:3: error: custom op 'retrun' is unknown
// CHECK-NEXT: retrun
func.func @f() {
  retrun
}
