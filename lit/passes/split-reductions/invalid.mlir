// RUN: not pock-opt %s --pass-pipeline='builtin.module(split-reductions{factor=1})' 2>&1 | filecheck %s

// CHECK: error: factor must be at least 2, got 1
func.func @empty() {
  return
}
