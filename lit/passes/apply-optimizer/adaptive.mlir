// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adam})' | filecheck %s --check-prefix=ADAM
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=lion beta2=0.75})' | filecheck %s --check-prefix=LION
// RUN: pock-opt %s --pass-pipeline='builtin.module(apply-optimizer{kind=adafactor})' | filecheck %s --check-prefix=FACTOR

// Adafactor keeps row and column means, along the framework's last two dimensions: here, of a
// kernel stored [h, w, in, out] that the framework has as [out, in, h, w], the first two.

// ADAM: sym_name = "w.first_moment", type = tensor<3x3x2x4xf32>
// ADAM: sym_name = "b.second_moment", type = tensor<2xf32>
// ADAM: sym_name = "optimizer.step"
// LION: sym_name = "w.first_moment", type = tensor<3x3x2x4xf32>
// LION-NOT: sym_name = "optimizer.step"
// FACTOR: layout = array<i64: 2, 3, 1, 0>, sym_name = "w.row_variance", type = tensor<3x1x2x4xf32>
// FACTOR: layout = array<i64: 2, 3, 1, 0>, sym_name = "w.column_variance", type = tensor<1x3x2x4xf32>
// FACTOR: sym_name = "b.variance", type = tensor<2xf32>
// FACTOR: sym_name = "optimizer.step"
"pock.parameter"() {sym_name = "w", kind = "weight", type = tensor<3x3x2x4xf32>, layout = array<i64: 2, 3, 1, 0>} : () -> ()
"pock.parameter"() {sym_name = "b", kind = "weight", type = tensor<4xf32>} : () -> ()

func.func @train_step(%g: tensor<3x3x2x4xf32>, %h: tensor<2xf32>, %rate: tensor<f32> {pock.role = "learning_rate"}) {
  // ADAM: "pock.adam"(%arg0, %arg2, %{{.*}}) {beta1 = 9.0{{.*}}first_moment = @w.first_moment
  // ADAM: "pock.adam"(%arg1
  // LION: "pock.lion"(%arg0, %arg2) {beta1 = 9.0{{.*}}beta2 = 7.5{{.*}}first_moment = @w.first_moment
  // LION: "pock.lion"(%arg1
  // FACTOR: "pock.adafactor"(%arg0, %arg2, %{{.*}}) {beta2_decay = -8.0{{.*}}column_variance = @w.column_variance, epsilon1 = 1.19{{.*}}E-7
  // FACTOR-SAME: factors = array<i64: 0, 1>
  // FACTOR-SAME: row_variance = @w.row_variance
  // FACTOR: "pock.adafactor"(%arg1{{.*}}variance = @b.variance
  "pock.update"(%g) {parameter = @w, offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 3, 3, 2, 4>} : (tensor<3x3x2x4xf32>) -> ()
  "pock.update"(%h) {parameter = @b, offsets = array<i64: 1>, sizes = array<i64: 2>} : (tensor<2xf32>) -> ()
  return
}
