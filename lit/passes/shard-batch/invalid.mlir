// RUN: not pock-opt %s --pass-pipeline='builtin.module(shard-batch{shards=0})' --split-input-file 2>&1 | filecheck %s
// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch)' --split-input-file --verify-diagnostics

// CHECK: error: shards must be positive, got 0
"pock.parameter"() {sym_name = "mean", kind = "buffer", type = tensor<4xf32>} : () -> ()

func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) -> tensor<f32> {
  // expected-error @below {{each shard would assign @mean another value: no shards in training mode}}
  "pock.assign"(%h) {parameter = @mean} : (tensor<4xf32>) -> ()
  return %rate : tensor<f32>
}

// -----

"pock.parameter"() {sym_name = "v", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @train_step(%h: tensor<4xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // expected-error @below {{shard the batch before gradients are scaled}}
  "pock.update"(%h, %rate) {parameter = @v, offsets = array<i64: 0>, sizes = array<i64: 4>} : (tensor<4xf32>, tensor<f32>) -> ()
  return
}

// -----

// expected-error @below {{@predict: the arguments need one batch as their first dimension, got tensor<4xf32>, tensor<8xf32>}}
func.func @predict(%x: tensor<4xf32>, %y: tensor<8xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{@predict: result 0 has no batch as its first dimension: tensor<3xf32>}}
func.func @predict(%x: tensor<4xf32>) -> tensor<3xf32> {
  %y = stablehlo.constant dense<1.0> : tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// expected-error @below {{@predict: result 0 has no batch as its first dimension: tensor<f32>}}
func.func @predict(%x: tensor<4xf32>) -> tensor<f32> {
  %y = stablehlo.constant dense<1.0> : tensor<f32>
  return %y : tensor<f32>
}

// -----

func.func @predict(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'stablehlo.custom_call' cannot be computed in shards}}
  %y = stablehlo.custom_call @print(%x) {has_side_effect = true} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
