// RUN: not pock-opt %s --pass-pipeline='builtin.module(choose-kernels{minimum=few})' 2>&1 | filecheck %s --check-prefix=NUMBER
// RUN: not pock-opt %s --pass-pipeline='builtin.module(choose-kernels{target=z80})' 2>&1 | filecheck %s --check-prefix=TARGET
// RUN: not pock-opt %s --pass-pipeline='builtin.module(choose-kernels{database=none.toml})' 2>&1 | filecheck %s --check-prefix=FILE
// RUN: not pock-opt %s --pass-pipeline='builtin.module(choose-kernels{database=%s})' 2>&1 | filecheck %s --check-prefix=TEXT

// NUMBER: minimum
// NUMBER-SAME: few
// TARGET: unknown machine 'z80'; there is {{.*}}x86-64-avx2
// FILE: no such file: none.toml
// TEXT: invalid.mlir: no file of measurements
func.func @empty() {
  return
}
