// RUN: pock-opt %s --apply-optimizer --canonicalize --mlir-print-ir-after-all -o %t 2>&1 | filecheck %s
// RUN: pock-opt %s --apply-optimizer --canonicalize --mlir-print-ir-before-all -o %t 2>&1 | filecheck %s --check-prefix=BEFORE
// RUN: pock-opt %s --mlir-print-debuginfo | filecheck %s --check-prefix=LOCATIONS
// RUN: pock-opt %s --mlir-print-op-generic | filecheck %s --check-prefix=GENERIC
// RUN: pock-opt %s --mlir-timing --apply-optimizer --cse -o %t 2>&1 | filecheck %s --check-prefix=TIMING

// What mlir-opt can print along the way.

// CHECK: // -----// IR Dump After apply-optimizer //----- //
// CHECK: pock.sgd
// CHECK: // -----// IR Dump After canonicalize //----- //

// BEFORE: // -----// IR Dump Before apply-optimizer //----- //
// BEFORE: pock.update
// BEFORE: // -----// IR Dump Before canonicalize //----- //
// BEFORE: pock.sgd

// LOCATIONS: loc("{{.*}}print-ir.mlir":

// GENERIC: "func.func"() <{
// GENERIC: "func.return"() : () -> ()

// TIMING: Execution time report
// TIMING: apply-optimizer
// TIMING: cse
// TIMING: Total
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @train_step(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
  return
}
