// RUN: not pock-opt %s --cse --apply-optimizer=kind=momentum --canonicalize --mlir-pass-pipeline-crash-reproducer=%t.mlir 2>&1 | filecheck %s
// RUN: filecheck %s --check-prefix=FILE < %t.mlir
// RUN: not pock-opt --run-reproducer %t.mlir 2>&1 | filecheck %s --check-prefix=AGAIN
// RUN: pock-opt --run-reproducer --dump-pass-pipeline %s 2>&1 | filecheck %s --check-prefix=RUNS

// A failing pass leaves the IR before it, with the rest of the pipeline, for another run.

// CHECK: error: {{.*}}learning_rate
// CHECK: reproducer written to {{.*}}.mlir
// CHECK-NOT: Traceback

// FILE: pock.update
// FILE: pipeline: "builtin.module(apply-optimizer{kind=momentum},canonicalize)"

// AGAIN: error: {{.*}}learning_rate

// RUNS: builtin.module(cse)
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @train_step(%d: tensor<2xf32>) {
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
  return
}

{-#
  external_resources: {
    mlir_reproducer: {
      pipeline: "builtin.module(cse)",
      disable_threading: false,
      verify_each: true
    }
  }
#-}
