// RUN: pock-opt %s --pass-pipeline='builtin.module(prepare-for-gradients)' --split-input-file | filecheck %s

// Calls and composites are inlined, in regions too; what nothing calls any more is gone.

// CHECK-LABEL: func.func @forward
// CHECK: stablehlo.maximum
// CHECK: "stablehlo.if"
// CHECK: stablehlo.tanh
// CHECK-NOT: func.func
func.func @forward(%x: tensor<4xf32>, %p: tensor<i1>) -> tensor<4xf32> {
  %0 = call @relu(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "stablehlo.if"(%p) ({
    %2 = stablehlo.composite "acme.squash" %0 {decomposition = @squash} : (tensor<4xf32>) -> tensor<4xf32>
    stablehlo.return %2 : tensor<4xf32>
  }, {
    stablehlo.return %0 : tensor<4xf32>
  }) : (tensor<i1>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func private @relu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %z = stablehlo.constant dense<0.0> : tensor<4xf32>
  %0 = stablehlo.maximum %x, %z : tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @squash(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.tanh %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Of a branch that is known only what it computes is left; an index that is too large is the last.

// CHECK-LABEL: func.func @branches
// CHECK-NEXT: %[[Y:.*]] = stablehlo.sine %arg0
// CHECK-NEXT: %[[Z:.*]] = stablehlo.cosine %[[Y]]
// CHECK-NEXT: return %[[Z]]
func.func @branches(%x: tensor<4xf32>) -> tensor<4xf32> {
  %true = stablehlo.constant dense<true> : tensor<i1>
  %seven = stablehlo.constant dense<7> : tensor<i32>
  %y = "stablehlo.if"(%true) ({
    %a = stablehlo.sine %x : tensor<4xf32>
    stablehlo.return %a : tensor<4xf32>
  }, {
    stablehlo.return %x : tensor<4xf32>
  }) : (tensor<i1>) -> tensor<4xf32>
  %z = "stablehlo.case"(%seven) ({
    stablehlo.return %x : tensor<4xf32>
  }, {
    %a = stablehlo.cosine %y : tensor<4xf32>
    stablehlo.return %a : tensor<4xf32>
  }) : (tensor<i32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// Shapes that constants give are static, and the ops that took them too.

// CHECK-LABEL: func.func @shapes
// CHECK-DAG: %[[Y:.*]] = stablehlo.reshape %arg0 : (tensor<4xf32>) -> tensor<2x2xf32>
// CHECK-DAG: stablehlo.slice %[[Y]] [0:1, 0:2]
// CHECK-DAG: stablehlo.iota dim = 0 : tensor<2xf32>
// CHECK: return %{{.*}} : tensor<1x2xf32>
func.func @shapes(%x: tensor<4xf32>) -> tensor<1x2xf32> {
  %shape = stablehlo.constant dense<[2, 2]> : tensor<2xi32>
  %y = stablehlo.dynamic_reshape %x, %shape : (tensor<4xf32>, tensor<2xi32>) -> tensor<?x?xf32>
  %start = stablehlo.constant dense<[0, 0]> : tensor<2xi32>
  %limit = stablehlo.constant dense<[1, 2]> : tensor<2xi32>
  %step = stablehlo.constant dense<[1, 1]> : tensor<2xi32>
  %s = "stablehlo.real_dynamic_slice"(%y, %start, %limit, %step)
    : (tensor<?x?xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) -> tensor<1x2xf32>
  %i = stablehlo.dynamic_iota %limit, dim = 1 : (tensor<2xi32>) -> tensor<1x2xf32>
  %z = stablehlo.add %s, %i : tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// Special forms become general ones.

// CHECK-LABEL: func.func @forms
// CHECK-SAME: (%[[A:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<4x3xf32>, %[[K:.*]]: tensor<f32>, %[[I:.*]]: tensor<2xi32>)
// CHECK: %[[C:.*]] = stablehlo.dot_general %[[A]], %[[B]], contracting_dims = [1] x [1]
// CHECK: %[[D:.*]] = stablehlo.transpose %[[C]], dims = [1, 0]
// CHECK: %[[S:.*]] = stablehlo.broadcast_in_dim %[[K]]
// CHECK: %[[M:.*]] = stablehlo.multiply %[[D]], %[[S]]
// CHECK: "stablehlo.gather"(%[[M]], %[[I]])
// CHECK-SAME: offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1
// CHECK-NOT: tuple
func.func @forms(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %k: tensor<f32>, %i: tensor<2xi32>) -> tensor<2x2xf32> {
  %0 = stablehlo.einsum %a, %b, config = "ac,bc->ba" : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<4x2xf32>
  %1 = "stablehlo.map"(%0) ({
  ^bb0(%x: tensor<f32>):
    %y = stablehlo.multiply %x, %k : tensor<f32>
    stablehlo.return %y : tensor<f32>
  }) {dimensions = array<i64: 0, 1>} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = "stablehlo.torch_index_select"(%1, %i) {dim = 0 : i64, batch_dims = 0 : i64}
    : (tensor<4x2xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  %3 = stablehlo.tuple %2, %a : tuple<tensor<2x2xf32>, tensor<2x3xf32>>
  %4 = stablehlo.get_tuple_element %3[0] : (tuple<tensor<2x2xf32>, tensor<2x3xf32>>) -> tensor<2x2xf32>
  return %4 : tensor<2x2xf32>
}
