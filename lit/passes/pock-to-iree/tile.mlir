// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// A contraction with a tile takes its operands through barriers, and brings its configuration.
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<8x32xf32>} : () -> ()

// CHECK-LABEL: func.func @train_step
func.func @train_step(%x: tensor<8x16xf32>, %p: tensor<2x16x16xf32>, %lr: tensor<f32>) -> tensor<8x2x16xf32> {
  // CHECK: %[[W:.*]] = "util.global.load"() {global = @w}
  // CHECK: "iree_tensor_ext.compute_barrier.start"(%arg0)
  // CHECK: "iree_tensor_ext.compute_barrier.start"(%arg1)
  // CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction"]
  // CHECK-SAME: distribution = [4, 2, 0, 0], vector_common_parallel = [4, 1, 16, 0], vector_reduction = [0, 0, 0, 4]
  %y = stablehlo.dot_general %x, %p, contracting_dims = [1] x [1] {pock.tile = array<i64: 4, 16, 4>}
    : (tensor<8x16xf32>, tensor<2x16x16xf32>) -> tensor<8x2x16xf32>

  // A gradient in panels meets the weight in panels; nothing is stored between.
  // CHECK: %[[VIEW:.*]] = stablehlo.reshape %[[W]] : (tensor<8x32xf32>) -> tensor<8x2x16xf32>
  // CHECK: %[[NEW:.*]] = "flow.dispatch.workgroups"(%arg0, %arg1, %arg2, %[[VIEW]])
  // CHECK: linalg.generic
  // CHECK: distribution = [4, 2, 0, 0]
  // CHECK: tied_operands = [3 : index]
  // CHECK: %[[STORED:.*]] = stablehlo.reshape %[[NEW]] : (tensor<8x2x16xf32>) -> tensor<8x32xf32>
  // CHECK: "util.global.store"(%[[STORED]]) {global = @w}
  %d = stablehlo.dot_general %x, %p, contracting_dims = [1] x [1] {pock.tile = array<i64: 4, 16, 4>}
    : (tensor<8x16xf32>, tensor<2x16x16xf32>) -> tensor<8x2x16xf32>
  %dw = stablehlo.reshape %d : (tensor<8x2x16xf32>) -> tensor<8x32xf32>
  "pock.sgd"(%dw, %lr) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 8, 32>,
    weight_decay = 0.0 : f64} : (tensor<8x32xf32>, tensor<f32>) -> ()
  return %y : tensor<8x2x16xf32>
}

// What streams its right operand adds to zeros in memory, block after block of the contraction.
// CHECK-LABEL: func.func @streams
func.func @streams(%x: tensor<8x64xf32>, %w: tensor<64x512xf32>) -> tensor<8x512xf32> {
  // CHECK: %[[ZEROS:.*]] = linalg.fill
  // CHECK: %[[SUMS:.*]] = "iree_tensor_ext.compute_barrier.start"(%[[ZEROS]])
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}} outs(%[[SUMS]] : tensor<8x512xf32>)
  // CHECK-SAME: distribution = [8, 128, 0], cache_reduction = [0, 0, 16], vector_common_parallel = [4, 16, 0], vector_reduction = [0, 0, 4]
  // CHECK: "iree_tensor_ext.compute_barrier.start"(%[[Y]])
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    {pock.block = 16 : i64, pock.tile = array<i64: 4, 16, 4>}
    : (tensor<8x64xf32>, tensor<64x512xf32>) -> tensor<8x512xf32>
  return %y : tensor<8x512xf32>
}

// Rows that the tile does not divide are all of one workgroup's, which peels the last tile off.
// CHECK-LABEL: func.func @left_over
func.func @left_over(%x: tensor<49x64xf32>, %w: tensor<64x32xf32>) -> tensor<49x32xf32> {
  // CHECK: distribution = [49, 16, 0], vector_common_parallel = [5, 16, 0]
  // CHECK-SAME: enable_loop_peeling
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] {pock.tile = array<i64: 5, 16, 4>}
    : (tensor<49x64xf32>, tensor<64x32xf32>) -> tensor<49x32xf32>
  return %y : tensor<49x32xf32>
}

// Without tiles the contraction is IREE's to arrange.
// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree{tiles=false})' | filecheck %s --check-prefix=PLAIN
// PLAIN-LABEL: func.func @train_step
// PLAIN-NOT: compute_barrier
// PLAIN-NOT: iree_cpu.lowering_config
// PLAIN: stablehlo.dot_general
// PLAIN-LABEL: func.func @streams
// PLAIN-NOT: pock.block
// PLAIN-LABEL: func.func @read_state
