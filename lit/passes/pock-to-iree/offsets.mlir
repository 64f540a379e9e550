// RUN: pock-opt %s --pass-pipeline='builtin.module(pock-to-iree)' | filecheck %s

// Kernels of the parts of a sum are given their places, so that IREE makes one for all of them. The
// numbers stand at the start: IREE would split the step at a barrier within it.
// CHECK-LABEL: func.func @f
func.func @f(%x: tensor<8x32xf32>, %w: tensor<32x16xf32>) -> tensor<8x16xf32> {
  // CHECK: %[[A:.*]] = "util.optimization_barrier"(%{{.*}}) : (index) -> index
  // CHECK: stablehlo.slice
  // CHECK: "flow.dispatch.workgroups"(%arg0, %arg1, %{{.*}}, %{{.*}}, %[[A]])
  // CHECK: ^bb0({{.*}}, %[[COLUMN:[a-z0-9]*]]: index, %[[ROW:[a-z0-9]*]]: index):
  // CHECK-NEXT: "iree_tensor_ext.dispatch.tensor.load"(%{{.*}}, %[[COLUMN]])
  // CHECK-NEXT: "iree_tensor_ext.dispatch.tensor.load"(%{{.*}}, %[[ROW]])
  %a = stablehlo.slice %x [0:8, 0:16] : (tensor<8x32xf32>) -> tensor<8x16xf32>
  %b = stablehlo.slice %w [0:16, 0:16] : (tensor<32x16xf32>) -> tensor<16x16xf32>
  %y = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0]
    {pock.part, pock.tile = array<i64: 4, 16, 4>}
    : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}
