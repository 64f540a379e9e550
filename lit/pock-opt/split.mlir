// RUN: not pock-opt %s --split-input-file --cse 2>%t.err | filecheck %s
// RUN: filecheck %s --check-prefix=ERROR < %t.err

// Parts are processed alone, and one that fails does not stop the others.

// CHECK: func.func @first
// CHECK: {{^}}// -----
// CHECK-NEXT: module
// CHECK-NEXT: func.func @third
// ERROR: split.mlir:18:8: error: 'pock.read' op names '@w'

func.func @first() { return }

// -----

func.func @second() {
  // This line is the seventeenth of the file.
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  return
}

// -----

func.func @third() { return }
