"""A language model of five words that knows only the word before: a table of 25 numbers."""

from __future__ import annotations

import numpy as np

from pock_mlir.runtime import Artifact, FunctionSpec, Manifest, ParameterSpec, TensorSpec
from tests.runtime.programs import compiled

FORWARD = """
  %w = "pock.read"() {parameter=@table} : () -> tensor<5x5xf32>
  %one = stablehlo.constant dense<1.0> : tensor<2x4x5xf32>
  %none = stablehlo.constant dense<0.0> : tensor<2x4x5xf32>
  %i = stablehlo.iota dim = 2 : tensor<2x4x5xi32>
  %x2 = stablehlo.broadcast_in_dim %x, dims=[0, 1] : (tensor<2x4xi32>) -> tensor<2x4x5xi32>
  %isx = stablehlo.compare EQ, %i, %x2 : (tensor<2x4x5xi32>, tensor<2x4x5xi32>) -> tensor<2x4x5xi1>
  %hx = stablehlo.select %isx, %one, %none : tensor<2x4x5xi1>, tensor<2x4x5xf32>
  %y = stablehlo.dot_general %hx, %w, contracting_dims=[2]x[0]
    : (tensor<2x4x5xf32>, tensor<5x5xf32>) -> tensor<2x4x5xf32>
"""

# Softmax of the first three positions against the word behind each.
STEP = """
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %ys = stablehlo.slice %y [0:2, 0:3, 0:5] : (tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %hs = stablehlo.slice %hx [0:2, 0:3, 0:5] : (tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %hn = stablehlo.slice %hx [0:2, 1:4, 0:5] : (tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
  %e = stablehlo.exponential %ys : tensor<2x3x5xf32>
  %n = stablehlo.reduce(%e init: %zero) applies stablehlo.add across dimensions=[2]
    : (tensor<2x3x5xf32>, tensor<f32>) -> tensor<2x3xf32>
  %n2 = stablehlo.broadcast_in_dim %n, dims=[0, 1] : (tensor<2x3xf32>) -> tensor<2x3x5xf32>
  %p = stablehlo.divide %e, %n2 : tensor<2x3x5xf32>
  %logp = stablehlo.log %p : tensor<2x3x5xf32>
  %q = stablehlo.multiply %logp, %hn : tensor<2x3x5xf32>
  %sum = stablehlo.reduce(%q init: %zero) applies stablehlo.add across dimensions=[0, 1, 2]
    : (tensor<2x3x5xf32>, tensor<f32>) -> tensor<f32>
  %minus = stablehlo.constant dense<-0.16666667> : tensor<f32>
  %loss = stablehlo.multiply %sum, %minus : tensor<f32>
  %d = stablehlo.subtract %p, %hn : tensor<2x3x5xf32>
  %share = stablehlo.constant dense<0.16666667> : tensor<2x3x5xf32>
  %dy = stablehlo.multiply %d, %share : tensor<2x3x5xf32>
  %dw = stablehlo.dot_general %hs, %dy, contracting_dims=[0, 1]x[0, 1]
    : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<5x5xf32>
  "pock.sgd"(%dw, %lr) {parameter=@table, offsets=array<i64: 0, 0>, sizes=array<i64: 5, 5>,
    weight_decay=0.0} : (tensor<5x5xf32>, tensor<f32>) -> ()
"""

PROGRAM = f"""
"pock.parameter"() {{sym_name="table", type=tensor<5x5xf32>, kind="weight"}} : () -> ()
func.func @predict(%x: tensor<2x4xi32>) -> tensor<2x4x5xf32> {{{FORWARD}
  return %y : tensor<2x4x5xf32>
}}
func.func @train_step(%x: tensor<2x4xi32>, %t: tensor<2x4xi32>, %lr: tensor<f32>) -> tensor<f32> {{
  {FORWARD}{STEP}
  return %loss : tensor<f32>
}}
"""


def bigrams() -> Artifact:
    """The model as an artifact, knowing nothing yet."""
    ids, targets = TensorSpec("ids", (2, 4), "int32", 5), TensorSpec("targets", (2, 4), "int32")
    rate, loss = TensorSpec("lr", (), "float32"), TensorSpec("loss", (), "float32")
    logits = TensorSpec("logits", (2, 4, 5), "float32")
    manifest = Manifest(
        target="cpu",
        driver="local-sync",
        functions={
            "train_step": FunctionSpec((ids, targets, rate), (loss,)),
            "predict": FunctionSpec((ids,), (logits,)),
        },
        loss={"kind": "causal-lm", "ignore_index": -100},
        optimizer={"kind": "sgd", "lr": 3.0},
        scheme={"name": "full"},
        parameters=(ParameterSpec("table", "weight", (5, 5), "float32", trained="all"),),
        state_order=("table",),
    )
    return Artifact(manifest, compiled(PROGRAM), {"table": np.zeros((5, 5), np.float32)}, {})
