// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate,sparsify-backward{scheme=bias-only})' --split-input-file | filecheck %s

// A loop does not add up the gradient by a weight that is frozen. What the forward recorded for it
// goes as well.

// CHECK-LABEL: func.func @train_step(
// CHECK-DAG: %[[W:.*]] = "pock.read"() {parameter = @l.weight}
// CHECK: %[[LOOP:.*]]:2 = stablehlo.while(
// CHECK-NOT: dynamic_update_slice
// CHECK: stablehlo.while(%{{.*}} = %{{.*}}, %[[DX:.*]] = %{{.*}}, %[[SUM:.*]] = %{{.*}}) : tensor<i32>, tensor<f32>, tensor<f32>
// CHECK: stablehlo.add %[[SUM]], %[[DX]]
// CHECK-NOT: "pock.update"{{.*}}@l.weight
// CHECK: return
"pock.parameter"() {sym_name = "l.weight", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "l.bias", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "head.weight", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%x0: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @l.weight} : () -> tensor<f32>
  %b = "pock.read"() {parameter = @l.bias} : () -> tensor<f32>
  %h = "pock.read"() {parameter = @head.weight} : () -> tensor<f32>
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %c1 = stablehlo.constant dense<1> : tensor<i32>
  %c7 = stablehlo.constant dense<7> : tensor<i32>
  %r:2 = stablehlo.while(%i = %c0, %x = %x0) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c7 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %i, %c1 : tensor<i32>
    %m = stablehlo.multiply %x, %w : tensor<f32>
    %s = stablehlo.add %m, %b : tensor<f32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  %l = stablehlo.multiply %r#1, %h : tensor<f32>
  return %l : tensor<f32>
}

// -----

// A gradient branch yields what is trained only.

// CHECK-LABEL: func.func @train_step(
// CHECK: "stablehlo.if"(%arg0)
// CHECK: %[[DB:.*]] = "stablehlo.if"(%arg0) ({
// CHECK-NOT: stablehlo.multiply
// CHECK: }) : (tensor<i1>) -> tensor<f32>
// CHECK: "pock.update"(%[[DB]]) {{.*}}@l.bias
"pock.parameter"() {sym_name = "l.weight", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "l.bias", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "head.weight", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%p: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
  %w = "pock.read"() {parameter = @l.weight} : () -> tensor<f32>
  %b = "pock.read"() {parameter = @l.bias} : () -> tensor<f32>
  %h = "pock.read"() {parameter = @head.weight} : () -> tensor<f32>
  %y = "stablehlo.if"(%p) ({
    %m = stablehlo.multiply %x, %w : tensor<f32>
    %q = stablehlo.multiply %m, %m : tensor<f32>
    %s = stablehlo.add %q, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }, {
    stablehlo.return %b : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  %l = stablehlo.multiply %y, %h : tensor<f32>
  return %l : tensor<f32>
}
