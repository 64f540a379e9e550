// RUN: pock-opt %s --verify-diagnostics --split-input-file

// Each place and kind of expectation, in parts whose line numbers are those of the file.

func.func @here_and_below() {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32> // expected-error {{op names '@w'}}
  // expected-error-re @below {{names '@{{[xyz]}}', which no}}
  // expected-error @+2 {{op names '@u'}}
  %v = "pock.read"() {parameter = @y} : () -> tensor<2xf32>
  %u = "pock.read"() {parameter = @u} : () -> tensor<2xf32>
  %t = "pock.read"() {parameter = @t} : () -> tensor<2xf32>
  // expected-error @-1 {{op names '@t'}}
  return
}

// -----

func.func @above() {
  %w = "pock.read"() {parameter = @w} : () -> tensor<2xf32>
  // expected-error @above {{op names '@w'}}
  %v = "pock.read"() {parameter = @v} : () -> tensor<2xf32> loc(unknown)
  // expected-error @unknown {{op names '@v'}}
  return
}
