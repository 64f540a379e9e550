// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=momentum weight-decay=0.5},func.func(canonicalize),cse)' --dump-pass-pipeline 2>&1 | filecheck %s
// RUN: pock-opt %s --apply-optimizer='kind=momentum weight-decay=0.5' --canonicalize -cse | filecheck %s --check-prefix=IR
// RUN: pock-opt --canonicalize %s -o %t.mlir && filecheck %s --check-prefix=READ < %t.mlir
// RUN: pock-opt --canonicalize --emit-bytecode - -o %t.mlirbc < %s && pock-opt %t.mlirbc | filecheck %s --check-prefix=READ

// Ours and upstream's passes in one pipeline; as one text or as options in order; from a file or the
// standard input, to a file or the standard output, as text or bytecode.

// CHECK: builtin.module(apply-optimizer{kind=momentum weight-decay=0.5},func.func(canonicalize),cse)
// CHECK: pock.momentum

// IR: "pock.momentum"({{.*}}weight_decay = 5.0
// IR-NOT: stablehlo.add

// READ: "pock.update"
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @train_step(%d: tensor<2xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
  %unused = stablehlo.add %d, %d : tensor<2xf32>
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
  return
}
