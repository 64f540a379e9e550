// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=cross-entropy axis=-1 ignore-index=-1 label-smoothing=0.1 class-weights=1+2+0.5})' | filecheck %s --check-prefix=CE
// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=cross-entropy})' | filecheck %s --check-prefix=MIDDLE
// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=causal-lm})' | filecheck %s --check-prefix=LM
// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=binary-cross-entropy pos-weight=3})' | filecheck %s --check-prefix=BCE
// RUN: pock-opt %s --pass-pipeline='builtin.module(add-loss{kind=l1})' | filecheck %s --check-prefix=L1

// CE: tensor<2x4xi32> {pock.role = "target"}
// CE: "pock.softmax_cross_entropy"
// CE-SAME: class_weights = array<f64: 1.000000e+00, 2.000000e+00, 5.000000e-01>, ignore_index = -1 : i64, label_smoothing = 1.000000e-01
// CE-SAME: (tensor<2x4x3xf32>, tensor<2x4xi32>)

// PyTorch's place of the classes is dimension 1.
// MIDDLE: tensor<2x3xi32> {pock.role = "target"}
// MIDDLE: "pock.softmax_cross_entropy"{{.*}}dimension = 1 : i64

// The labels are shifted, the logits stay where they are.
// LM: tensor<2x4xi32> {pock.role = "target"}
// LM: %[[NEXT:.*]] = stablehlo.slice %arg1 [0:2, 1:4]
// LM: %[[NONE:.*]] = stablehlo.constant dense<-100> : tensor<2x1xi32>
// LM: %[[LABELS:.*]] = stablehlo.concatenate %[[NEXT]], %[[NONE]], dim = 1
// LM: "pock.softmax_cross_entropy"(%arg0, %[[LABELS]]) {ignore_index = -100 : i64}
// LM-NOT: slice %arg0

// BCE: tensor<2x4x3xf32> {pock.role = "target"}
// BCE: stablehlo.abs
// BCE: stablehlo.exponential
// BCE: stablehlo.log_plus_one
// BCE: dense<2.0

// L1: %[[D:.*]] = stablehlo.subtract %arg0, %arg1
// L1: stablehlo.abs %[[D]]
// L1: stablehlo.divide
func.func @forward(%x: tensor<2x4x3xf32>) -> tensor<2x4x3xf32> {
  return %x : tensor<2x4x3xf32>
}
