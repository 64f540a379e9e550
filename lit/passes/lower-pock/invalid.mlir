// RUN: not pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=conv_kernel_gradient:winograd})' 2>&1 | filecheck %s
// RUN: not pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=tanh:taps})' 2>&1 | filecheck %s --check-prefix=OP
// RUN: not pock-opt %s --pass-pipeline='builtin.module(lower-pock{forms=pointwise})' 2>&1 | filecheck %s --check-prefix=OP

// CHECK: error: {{.*}}unknown form 'conv_kernel_gradient:winograd'; conv_kernel_gradient has depthwise-images
// OP: error: {{.*}}unknown form {{.*}}no forms: it is not an op that lower-pock lowers

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
