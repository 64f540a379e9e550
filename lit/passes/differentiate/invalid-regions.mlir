// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --verify-diagnostics --split-input-file

// What a region does is reported with the rest: all at once.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @train_step(%p: tensor<i1>, %n: tensor<i32>) -> tensor<f32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %c0 = stablehlo.constant dense<0> : tensor<i32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %y = "stablehlo.if"(%p) ({
    // expected-error @below {{stablehlo.custom_call has no derivative rule: what it computes is not known}}
    %a = stablehlo.custom_call @f(%w) : (tensor<4xf32>) -> tensor<4xf32>
    stablehlo.return %a : tensor<4xf32>
  }, {
    stablehlo.return %w : tensor<4xf32>
  }) : (tensor<i1>) -> tensor<4xf32>
  // expected-error @below {{the number of trips of this loop is not static: the bound of its counter (carried value 0) is computed}}
  %r:2 = stablehlo.while(%i = %c0, %x = %y) : tensor<i32>, tensor<4xf32>
  cond {
    %c = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %c1 = stablehlo.constant dense<1> : tensor<i32>
    %j = stablehlo.add %i, %c1 : tensor<i32>
    %s = stablehlo.sine %x : tensor<4xf32>
    stablehlo.return %j, %s : tensor<i32>, tensor<4xf32>
  }
  // expected-error @below {{the region of stablehlo.sort captures a value that is trained}}
  %o = "stablehlo.sort"(%r#1) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %v = stablehlo.slice %w [0:1] : (tensor<4xf32>) -> tensor<1xf32>
    %u = stablehlo.reshape %v : (tensor<1xf32>) -> tensor<f32>
    %d = stablehlo.compare LT, %a, %u : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %d : tensor<i1>
  }) : (tensor<4xf32>) -> tensor<4xf32>
  %z = stablehlo.reduce(%o init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  return %z : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%p: tensor<i1>) -> tensor<f32> {
  %y = "stablehlo.if"(%p) ({
    // expected-error @below {{pock.read must stand in the body of @train_step itself}}
    %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
    stablehlo.return %w : tensor<f32>
  }, {
    // expected-error @below {{pock.read must stand in the body of @train_step itself}}
    %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
    stablehlo.return %w : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<f32>} : () -> ()
func.func @train_step(%m: tensor<i32>) -> tensor<f32> {
  %c9 = stablehlo.constant dense<9> : tensor<i32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<f32>
  // expected-error @below {{is not static: its counter (carried value 0) starts at a computed value}}
  %r:2 = stablehlo.while(%i = %m, %x = %w) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c9 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %i, %c9 : tensor<i32>
    %s = stablehlo.sine %x : tensor<f32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  // expected-error @below {{is not static: its counter (carried value 0) does not change by a constant}}
  %q:2 = stablehlo.while(%i = %c9, %x = %r#1) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %i, %c9 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.multiply %i, %c9 : tensor<i32>
    %s = stablehlo.sine %x : tensor<f32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  // expected-error @below {{is not static: its condition does not compare a counter with a constant}}
  %o = stablehlo.while(%x = %q#1) : tensor<f32>
  cond {
    %c = stablehlo.is_finite %x : (tensor<f32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %s = stablehlo.exponential %x : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }
  // expected-error @below {{is not static: its counter never reaches the bound}}
  %u:2 = stablehlo.while(%i = %c9, %x = %o) : tensor<i32>, tensor<f32>
  cond {
    %c1 = stablehlo.constant dense<1> : tensor<i32>
    %c = stablehlo.compare GT, %i, %c1 : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %i, %c9 : tensor<i32>
    %s = stablehlo.sine %x : tensor<f32>
    stablehlo.return %j, %s : tensor<i32>, tensor<f32>
  }
  return %u#1 : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<4xf32>} : () -> ()
func.func @train_step() -> tensor<f32> {
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %i = stablehlo.constant dense<[[1], [2]]> : tensor<2x1xi32>
  %w = "pock.read"() {parameter = @w} : () -> tensor<4xf32>
  %u = stablehlo.slice %w [0:2] : (tensor<4xf32>) -> tensor<2xf32>
  // expected-error @below {{stablehlo.scatter with this region has no derivative rule: it must yield the update, or its sum}}
  %y = "stablehlo.scatter"(%w, %i, %u) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.power %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0],
      scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}
    : (tensor<4xf32>, tensor<2x1xi32>, tensor<2xf32>) -> tensor<4xf32>
  %z = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0]
    : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
  return %z : tensor<f32>
}
