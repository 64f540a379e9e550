// RUN: not pock-opt %s 2>&1 | filecheck %s --strict-whitespace
// RUN: not pock-opt < %s 2>&1 | filecheck %s --check-prefix=STDIN

// Errors show where they are.

// CHECK: diagnostics.mlir:14:8: error: 'pock.read' op names '@w', which no pock.parameter declares
// CHECK-NEXT: {{^}}  %w = "pock.read"()
// CHECK-NEXT: {{^}}       ^
// CHECK: error: loc("blocks.3"): 'pock.read' op names '@v'

// STDIN: <stdin>:14:8: error:

func.func @f() {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  %v = "pock.read"() {parameter = @v} : () -> tensor<2xf32> loc("blocks.3")
  return
}
