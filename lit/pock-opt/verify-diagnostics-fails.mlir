// RUN: not pock-opt %s --verify-diagnostics --split-input-file 2>&1 | filecheck %s

// An error that nobody expects, and an expectation that nobody meets, fail the test.

// CHECK: verify-diagnostics-fails.mlir:10: error: unexpected error: 'pock.read' op names '@w'
// CHECK: verify-diagnostics-fails.mlir:18: error: expected error "no such thing" was not produced
// CHECK: verify-diagnostics-fails.mlir:27: error: 'error' diagnostic emitted when expecting a 'warning'

func.func @f() {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  return
}

// -----

func.func @g() {
  // The comment stands on the line that it speaks of.
  return // expected-error {{no such thing}}
}

// -----

func.func @h() {
  // The kind counts.

  // expected-warning @below {{op names '@w'}}
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  return
}
