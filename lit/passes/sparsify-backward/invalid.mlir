// RUN: not pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=heads})' 2>&1 | filecheck %s --check-prefix=NAME
// RUN: not pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=%S/Inputs/unknown.toml})' 2>&1 | filecheck %s --check-prefix=UNKNOWN
// RUN: not pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=%S/Inputs/unreached.toml})' 2>&1 | filecheck %s --check-prefix=UNREACHED
// RUN: not pock-opt %s --pass-pipeline='builtin.module(sparsify-backward{scheme=%S/Inputs/columns.toml},sparsify-backward)' 2>&1 | filecheck %s --check-prefix=TWICE

// NAME: error: no scheme or file 'heads'; did you mean 'head'? built-in schemes: full, head, bias-only, last-blocks, last-<N>
// UNKNOWN: unknown.toml:1: pattern 'c.weight' matches no parameter; nearest: {{.*}}a.weight
// UNKNOWN: unknown.toml:4: count 9 is out of range for a.weight: axis 'out' has 6
// UNREACHED: unreached.toml' trains nothing that the loss depends on
// TWICE: error: the update of @a.weight is narrowed already

"pock.parameter"() {sym_name = "unused.weight", kind = "weight", type = tensor<6xf32>} : () -> ()
"pock.parameter"() {sym_name = "b.bias", kind = "weight", type = tensor<2xf32>} : () -> ()
"pock.parameter"() {sym_name = "a.weight", kind = "weight", type = tensor<6x6xf32>} : () -> ()

func.func @train_step(%a: tensor<6x6xf32>) {
  "pock.update"(%a) {parameter = @a.weight, offsets = array<i64: 0, 0>, sizes = array<i64: 6, 6>}
    : (tensor<6x6xf32>) -> ()
  return
}
