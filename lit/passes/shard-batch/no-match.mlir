// RUN: pock-opt %s --pass-pipeline='builtin.module(shard-batch)' | filecheck %s

// Functions of other names are left alone.

// CHECK: func.func @forward(%arg0: tensor<4xf32>) -> tensor<4xf32>
// CHECK-NOT: call
func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
