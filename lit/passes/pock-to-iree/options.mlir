// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adamw},pock-to-iree)' | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adamw},pock-to-iree{in-place=false})' | filecheck %s --check-prefix=FUNCTIONAL

// AdamW's step count is a scalar; a kernel of its own copies the next one to where the last one was,
// behind all that reads it.
// Without in-place, the same kernels make results, and nothing is stored.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()

// CHECK-DAG: "util.global"() {{.*}}"w.first_moment"{{.*}}is_mutable
// CHECK-DAG: "util.global"() {{.*}}"w.second_moment"{{.*}}is_mutable
// CHECK-DAG: "util.global"() {{.*}}"optimizer.step"{{.*}}is_mutable

// CHECK-LABEL: func.func @train_step
func.func @train_step(%g: tensor<4xf32>, %lr: tensor<f32> {pock.role = "learning_rate"}) {
  // CHECK: %[[OLD:.*]] = "util.global.load"() {global = @optimizer.step}
  // CHECK: %[[STEP:.*]] = stablehlo.add %[[OLD]]
  // CHECK: "flow.dispatch.workgroups"(%arg0
  // CHECK: math.sqrt
  // CHECK-NOT: stablehlo
  // CHECK: tied_operands = [4 : index, 5 : index, 6 : index]
  // CHECK: "flow.dispatch.workgroups"(%[[STEP]], %[[OLD]])
  // FUNCTIONAL-NOT: util.global.store
  // FUNCTIONAL: return {{.*}} : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f32>
  // CHECK: "util.global.store"({{.*}}) {global = @w}
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 4>}
    : (tensor<4xf32>) -> ()
  return
}
