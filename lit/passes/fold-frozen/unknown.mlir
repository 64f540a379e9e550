// RUN: not pock-opt %s --pass-pipeline='builtin.module(fold-frozen{only=weights})' 2>&1 | filecheck %s

// CHECK: error: only must be one of conversions, arrangements, got 'weights'
func.func @empty() {
  return
}
