// RUN: pock-opt %s --pass-pipeline='builtin.module(add-lora{scheme=%S/Inputs/lora.toml})' | filecheck %s

// The factors are declared after the weight, and the product of both is nowhere formed: %x goes
// through A, is scaled by alpha / rank, and goes through B.

// CHECK: "pock.parameter"() {kind = "weight", sym_name = "fc.weight"
// CHECK: "pock.parameter"() {adapter = {axis = 0 : i64, factor = "A", of = @fc.weight, scale = 2.000000e+00 : f64}, kind = "adapter", sym_name = "fc.lora_A.weight", type = tensor<2x8xf32>}
// CHECK: "pock.parameter"() {adapter = {axis = 0 : i64, factor = "B", {{.*}}}, kind = "adapter", sym_name = "fc.lora_B.weight", type = tensor<6x2xf32>}
"pock.parameter"() {sym_name = "fc.weight", kind = "weight", type = tensor<6x8xf32>} : () -> ()

// CHECK-LABEL: func.func @forward
func.func @forward(%x: tensor<4x5x8xf32>) -> tensor<4x5x6xf32> {
  // CHECK-DAG: %[[A:.*]] = "pock.read"() {parameter = @fc.lora_A.weight}
  // CHECK-DAG: %[[B:.*]] = "pock.read"() {parameter = @fc.lora_B.weight}
  %w = "pock.read"() {parameter = @fc.weight} : () -> tensor<6x8xf32>
  // CHECK: %[[Y:.*]] = stablehlo.dot_general %arg0, %{{.*}}, contracting_dims = [2] x [1]
  // CHECK: %[[H:.*]] = stablehlo.dot_general %arg0, %[[A]], contracting_dims = [2] x [1] : {{.*}} -> tensor<4x5x2xf32>
  // CHECK: %[[S:.*]] = stablehlo.multiply %[[H]],
  // CHECK: %[[T:.*]] = stablehlo.dot_general %[[S]], %[[B]], contracting_dims = [2] x [1]
  // CHECK: %[[Z:.*]] = stablehlo.add %[[Y]], %[[T]]
  %y = stablehlo.dot_general %x, %w, contracting_dims = [2] x [1]
    : (tensor<4x5x8xf32>, tensor<6x8xf32>) -> tensor<4x5x6xf32>
  // CHECK: return %[[Z]]
  return %y : tensor<4x5x6xf32>
}
