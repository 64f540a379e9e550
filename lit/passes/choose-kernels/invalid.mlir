// RUN: not pock-opt %s --pass-pipeline='builtin.module(choose-kernels{minimum=few})' 2>&1 | filecheck %s

// CHECK: minimum
// CHECK-SAME: few
func.func @empty() {
  return
}
