// RUN: pock-opt %s --verify-diagnostics --split-input-file

// What is wrong with a use of a parameter, one rejection a part.

func.func @f() {
  // expected-error @+1 {{'pock.read' op names '@w', which no pock.parameter declares}}
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @f() {
  // expected-error @+1 {{'pock.read' op has tensor<3xf32>, but '@w' is tensor<2xf32>}}
  %w = "pock.read"() {parameter = @w} : () -> tensor<3xf32>
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "buffer"} : () -> ()
func.func @f(%x: tensor<2xf64>) {
  // expected-error @+1 {{'pock.assign' op has tensor<2xf64>, but '@w' is tensor<2xf32>}}
  "pock.assign"(%x) {parameter = @w} : (tensor<2xf64>) -> ()
  return
}

// -----

// A symbol that is not a parameter.
func.func @f(%x: tensor<2xf32>) {
  // expected-error @+1 {{'pock.assign' op names '@f', which no pock.parameter declares}}
  "pock.assign"(%x) {parameter = @f} : (tensor<2xf32>) -> ()
  return
}

// -----

// expected-note @+1 {{see existing symbol definition here}}
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
// expected-error @+1 {{redefinition of symbol named 'w'}}
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()

// -----

func.func @f() {
  // expected-error @+1 {{'pock.parameter' op must stand directly in a module}}
  "pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
func.func @f(%d: tensor<6xf32>) {
  // expected-error @+1 {{'pock.update' op has rank 1, but '@w' is tensor<4x6xf32>}}
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 6>} : (tensor<6xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
func.func @f(%d: tensor<4x3xf32>) {
  // expected-error @+1 {{'pock.update' op covers offsets [0, 4], sizes [4, 3], which is outside of '@w', tensor<4x6xf32>}}
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0, 4>, sizes = array<i64: 4, 3>} : (tensor<4x3xf32>) -> ()
  return
}

// -----

"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
func.func @f(%d: tensor<2xf64>) {
  // expected-error @+1 {{'pock.update' op has a gradient of f64, but '@w' is tensor<2xf32>}}
  "pock.update"(%d) {parameter = @w, offsets = array<i64: 0>, sizes = array<i64: 2>} : (tensor<2xf64>) -> ()
  return
}

// -----

// Two slices of one parameter that share a column; the third is disjoint from both.
"pock.parameter"() {sym_name = "w", type = tensor<4x6xf32>, kind = "weight"} : () -> ()
func.func @f(%a: tensor<4x2xf32>, %b: tensor<2x2xf32>, %c: tensor<4x3xf32>) {
  // expected-note @+1 {{the first is given here}}
  "pock.update"(%a) {parameter = @w, offsets = array<i64: 0, 0>, sizes = array<i64: 4, 2>} : (tensor<4x2xf32>) -> ()
  // expected-error @+1 {{'pock.update' op gives a part of '@w' a second new value}}
  "pock.update"(%b) {parameter = @w, offsets = array<i64: 2, 1>, sizes = array<i64: 2, 2>} : (tensor<2x2xf32>) -> ()
  "pock.update"(%c) {parameter = @w, offsets = array<i64: 0, 3>, sizes = array<i64: 4, 3>} : (tensor<4x3xf32>) -> ()
  return
}

// -----

// An assignment is about the whole parameter, so an update beside it is one too many.
"pock.parameter"() {sym_name = "w", type = tensor<f32>, kind = "weight"} : () -> ()
func.func @f(%x: tensor<f32>) {
  // expected-note @+1 {{the first is given here}}
  "pock.update"(%x) {parameter = @w, offsets = array<i64>, sizes = array<i64>} : (tensor<f32>) -> ()
  // expected-error @+1 {{'pock.assign' op gives a part of '@w' a second new value}}
  "pock.assign"(%x) {parameter = @w} : (tensor<f32>) -> ()
  return
}

// -----

// Two functions may update the same parameter: each is a step of its own.
"pock.parameter"() {sym_name = "w", type = tensor<f32>, kind = "weight"} : () -> ()
func.func @f(%x: tensor<f32>) {
  "pock.assign"(%x) {parameter = @w} : (tensor<f32>) -> ()
  return
}
func.func @g(%x: tensor<f32>) {
  "pock.assign"(%x) {parameter = @w} : (tensor<f32>) -> ()
  return
}

// -----

// A module inside has parameters of its own, and does not see those outside.
"pock.parameter"() {sym_name = "w", type = tensor<2xf32>, kind = "weight"} : () -> ()
module @inner {
  func.func @f() {
    // expected-error @+1 {{'pock.read' op names '@w', which no pock.parameter declares}}
    %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
    return
  }
}
