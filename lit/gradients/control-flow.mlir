// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The gradient of a branch is a branch by the same predicate. What is captured and trained gets a
// gradient; the product of the branch is not needed again, its sine is computed again.

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %[[P:.*]]: tensor<i1>
// CHECK: %[[W:.*]] = "pock.read"() {parameter = @w}
// CHECK: %[[Y:.*]] = "stablehlo.if"(%[[P]])
// CHECK: %[[DW:.*]] = "stablehlo.if"(%[[P]]) ({
// CHECK-NEXT: %[[COS:.*]] = stablehlo.cosine %[[W]]
// CHECK-NEXT: stablehlo.return %[[COS]]
// CHECK-NEXT: }, {
// CHECK-NEXT: %[[ZERO:.*]] = stablehlo.constant dense<0.0
// CHECK-NEXT: stablehlo.return %[[ZERO]]
// CHECK-NEXT: })
// CHECK-NEXT: "pock.update"(%[[DW]]) {{.*}}@w
// CHECK-NEXT: return %[[Y]]
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%p: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %y = "stablehlo.if"(%p) ({
    %s = stablehlo.sine %w : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }, {
    stablehlo.return %x : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// A loop records what each trip starts from, if the gradient reads it. The gradient by the captured
// weight is added up, from the last trip to the first; no gradient is carried for the counter.

// CHECK-LABEL: func.func @train_step(
// CHECK: %[[W:.*]] = "pock.read"() {parameter = @w}
// CHECK: %[[NONE:.*]] = stablehlo.constant dense<0.0{{.*}}> : tensor<7xf32>
// CHECK: %[[LOOP:.*]]:3 = stablehlo.while(%[[I:.*]] = %{{.*}}, %{{.*}} = %{{.*}}, %{{.*}} = %[[NONE]])
// CHECK: stablehlo.dynamic_update_slice %{{.*}}, %{{.*}}, %[[I]] : (tensor<7xf32>, tensor<1xf32>, tensor<i32>) -> tensor<7xf32>
// CHECK: %[[BACK:.*]]:3 = stablehlo.while(%[[C:.*]] = %{{.*}}, %[[DX:.*]] = %{{.*}}, %[[SUM:.*]] = %{{.*}}) : tensor<i32>, tensor<f32>, tensor<f32>
// CHECK: %[[SEVEN:.*]] = stablehlo.constant dense<7> : tensor<i32>
// CHECK: stablehlo.compare LT, %[[C]], %[[SEVEN]]
// CHECK: %[[SIX:.*]] = stablehlo.constant dense<6> : tensor<i32>
// CHECK: %[[T:.*]] = stablehlo.subtract %[[SIX]], %[[C]]
// CHECK: %[[ROW:.*]] = stablehlo.dynamic_slice %[[LOOP]]#2, %[[T]], sizes = [1]
// CHECK: %[[X:.*]] = stablehlo.reshape %[[ROW]]
// CHECK-DAG: %[[NEXT:.*]] = stablehlo.multiply %[[DX]], %[[W]]
// CHECK-DAG: %[[TERM:.*]] = stablehlo.multiply %[[DX]], %[[X]]
// CHECK: %[[TOTAL:.*]] = stablehlo.add %[[SUM]], %[[TERM]]
// CHECK: stablehlo.return %{{.*}}, %[[NEXT]], %[[TOTAL]]
// CHECK: "pock.update"(%[[BACK]]#2)
// CHECK-NEXT: return %[[LOOP]]#1
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%x0: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %c7 = stablehlo.constant dense<7> : tensor<i32>
  %r:2 = stablehlo.while(%i = %c0, %x = %x0) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c7 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %i, %c1 : tensor<i32>
    %s = stablehlo.multiply %x, %w : tensor<f32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  return %r#1 : tensor<f32>
}

// -----

// What each trip does is linear: nothing is recorded.

// CHECK-LABEL: func.func @train_step(
// CHECK: %[[LOOP:.*]]:2 = stablehlo.while(
// CHECK-NOT: dynamic
// CHECK: return %[[LOOP]]#1
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%a: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %c7 = stablehlo.constant dense<7> : tensor<i32>
  %r:2 = stablehlo.while(%i = %c0, %x = %w) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c7 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %i, %c1 : tensor<i32>
    %s = stablehlo.multiply %x, %a : tensor<f32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  return %r#1 : tensor<f32>
}
