// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// Parameters become globals that the runtime provides; what a step writes is mutable, the rest not.
// CHECK: "util.global"() {initial_value = #flow.parameter.named<"model"::"w"> : tensor<8x4xf32>, is_mutable,
// CHECK: "util.global"() {initial_value = #flow.parameter.named<"model"::"frozen"> : tensor<8xf32>, sym_name = "frozen"
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x4xf32>} : () -> ()
"pock.parameter"() {sym_name = "frozen", kind = "buffer", type = tensor<8xf32>} : () -> ()

// The gradient's contraction is part of the dispatch that updates the weight where it lies.
// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<6x8xf32>, %dy: tensor<6x4xf32>, %lr: tensor<f32>) -> tensor<6x8xf32> {
  // CHECK-DAG: %[[W:.*]] = "util.global.load"() {global = @w}
  // CHECK-DAG: "util.global.load"() {global = @frozen}
  // CHECK: %[[DX:.*]] = stablehlo.dot_general %arg1, %[[W]]
  // CHECK-NOT: stablehlo.dot_general
  // CHECK: %[[NEW:.*]] = "flow.dispatch.workgroups"(%arg0, %arg1, %arg2, %[[W]])
  // CHECK: readonly:tensor<6x8xf32>{{.*}}readonly:tensor<6x4xf32>{{.*}}readwrite:tensor<8x4xf32>
  // CHECK: %[[ZERO:.*]] = linalg.fill
  // CHECK: %[[G:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]
  // CHECK: arith.mulf
  // CHECK: linalg.generic {{.*}}ins(%[[G]], {{.*}}
  // CHECK: arith.subf
  // CHECK: "iree_tensor_ext.dispatch.tensor.store"
  // CHECK: tied_operands = [3 : index]
  // CHECK: "util.global.store"(%[[NEW]]) {global = @w}
  // CHECK: return
  %w = "pock.read"() {parameter = @w} : () -> tensor<8x4xf32>
  %s = "pock.read"() {parameter = @frozen} : () -> tensor<8xf32>
  %rows = stablehlo.broadcast_in_dim %s, dims = [1] : (tensor<8xf32>) -> tensor<6x8xf32>
  %dh = stablehlo.dot_general %dy, %w, contracting_dims = [1] x [1]
    : (tensor<6x4xf32>, tensor<8x4xf32>) -> tensor<6x8xf32>
  %dx = stablehlo.multiply %dh, %rows : tensor<6x8xf32>
  %dw = stablehlo.dot_general %x, %dy, contracting_dims = [0] x [0]
    : (tensor<6x8xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
  "pock.sgd"(%dw, %lr) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 8, 4>,
    weight_decay = 0.0 : f64} : (tensor<8x4xf32>, tensor<f32>) -> ()
  return %dx : tensor<6x8xf32>
}

// CHECK-LABEL: func.func @read_state
// CHECK-NEXT: %[[OLD:.*]] = "util.global.load"() {global = @w}
// CHECK-NEXT: return %[[OLD]]

// The caller's tensors are copied, not taken over, and something is returned to wait for.
// CHECK-LABEL: func.func @write_state
// CHECK: %[[OLD:.*]] = "util.global.load"() {global = @w}
// CHECK: "flow.dispatch.workgroups"(%arg0, %[[OLD]])
// CHECK: tied_operands = [1 : index]
// CHECK: "util.global.store"
// CHECK: return {{.*}} : tensor<1x1xf32>
