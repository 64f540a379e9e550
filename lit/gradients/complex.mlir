// RUN: pock-opt %s --pass-pipeline='builtin.module(differentiate)' --split-input-file | filecheck %s

// The gradient of a real part is real, that of an imaginary part imaginary; in between the rules
// are those of real numbers, without a conjugation.

"pock.parameter"() {sym_name = "a", kind = "weight", type = tensor<f32>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<f32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step() -> tensor<f32> {
  // CHECK: %[[W:.*]] = stablehlo.exponential %{{.*}} : tensor<complex<f32>>
  // CHECK: stablehlo.imag %[[W]]
  // CHECK: %[[DY:.*]] = stablehlo.complex %{{.*}}, %{{.*}} : tensor<complex<f32>>
  // CHECK-NEXT: %[[DZ:.*]] = stablehlo.multiply %[[DY]], %[[W]] : tensor<complex<f32>>
  // CHECK-DAG: %[[DA:.*]] = stablehlo.real %[[DZ]]
  // CHECK-DAG: %[[DB:.*]] = stablehlo.imag %[[DZ]]
  // CHECK: "pock.update"(%[[DB]]) {{.*}}parameter = @b
  %a = "pock.read"() {parameter = @a} : () -> tensor<f32>
  %b = "pock.read"() {parameter = @b} : () -> tensor<f32>
  %z = stablehlo.complex %a, %b : tensor<complex<f32>>
  %w = stablehlo.exponential %z : tensor<complex<f32>>
  %y = stablehlo.imag %w : (tensor<complex<f32>>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// The transposed transform: zeros for the frequencies that were left out, then the real part.

"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<6xf32>} : () -> ()
// CHECK-LABEL: func.func @train_step
func.func @train_step(%dy: tensor<4xf32>) -> tensor<f32> {
  // CHECK: type = RFFT
  // CHECK: %[[P:.*]] = stablehlo.pad %{{.*}}, low = [0], high = [2]
  // CHECK: %[[F:.*]] = stablehlo.fft %[[P]], type = FFT, length = [6]
  // CHECK: %[[R:.*]] = stablehlo.real %[[F]]
  // CHECK: "pock.update"(%[[R]])
  %w = "pock.read"() {parameter = @w} : () -> tensor<6xf32>
  %z = stablehlo.fft %w, type = RFFT, length = [6] : (tensor<6xf32>) -> tensor<4xcomplex<f32>>
  %y = stablehlo.real %z : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
  %loss = stablehlo.dot_general %y, %dy, contracting_dims = [0] x [0]
    : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %loss : tensor<f32>
}
