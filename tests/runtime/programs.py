"""Small programs, written by hand in the dialect, compiled once per test run."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from pock_mlir.backends.iree.compiler import compile_module
from pock_mlir.backends.iree.lowering import PockToIree
from pock_mlir.backends.iree.targets import TARGETS
from pock_mlir.dialects import make_context
from pock_mlir.ir import Location, Module
from pock_mlir.runtime import (
    Artifact,
    FunctionSpec,
    Manifest,
    ParameterSpec,
    SliceSpec,
    TensorSpec,
)

HEADER = """
"pock.parameter"() {sym_name="scale", type=tensor<8xf32>, kind="weight"} : () -> ()
"pock.parameter"() {sym_name="head.weight", type=tensor<8x4xf32>, kind="weight",
                    layout=array<i64: 1, 0>} : () -> ()
"pock.parameter"() {sym_name="head.bias", type=tensor<4xf32>, kind="weight"} : () -> ()
"pock.parameter"() {sym_name="head.weight.velocity", type=tensor<2x4xf32>, kind="state",
                    layout=array<i64: 1, 0>} : () -> ()
"pock.parameter"() {sym_name="head.bias.velocity", type=tensor<4xf32>, kind="state"} : () -> ()
"""

FORWARD = """
  %s = "pock.read"() {parameter=@scale} : () -> tensor<8xf32>
  %w = "pock.read"() {parameter=@head.weight} : () -> tensor<8x4xf32>
  %b = "pock.read"() {parameter=@head.bias} : () -> tensor<4xf32>
  %s2 = stablehlo.broadcast_in_dim %s, dims=[1] : (tensor<8xf32>) -> tensor<6x8xf32>
  %h = stablehlo.multiply %x, %s2 : tensor<6x8xf32>
  %m = stablehlo.dot_general %h, %w, contracting_dims=[1]x[0]
    : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  %b2 = stablehlo.broadcast_in_dim %b, dims=[1] : (tensor<4xf32>) -> tensor<6x4xf32>
  %y = stablehlo.add %m, %b2 : tensor<6x4xf32>
"""

LOSS = """
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %e = stablehlo.exponential %y : tensor<6x4xf32>
  %n = stablehlo.reduce(%e init: %zero) applies stablehlo.add across dimensions=[1]
    : (tensor<6x4xf32>, tensor<f32>) -> tensor<6xf32>
  %n2 = stablehlo.broadcast_in_dim %n, dims=[0] : (tensor<6xf32>) -> tensor<6x4xf32>
  %p = stablehlo.divide %e, %n2 : tensor<6x4xf32>
  %i = stablehlo.iota dim = 1 : tensor<6x4xi32>
  %t2 = stablehlo.broadcast_in_dim %t, dims=[0] : (tensor<6xi32>) -> tensor<6x4xi32>
  %is = stablehlo.compare EQ, %i, %t2 : (tensor<6x4xi32>, tensor<6x4xi32>) -> tensor<6x4xi1>
  %one = stablehlo.constant dense<1.0> : tensor<6x4xf32>
  %none = stablehlo.constant dense<0.0> : tensor<6x4xf32>
  %hot = stablehlo.select %is, %one, %none : tensor<6x4xi1>, tensor<6x4xf32>
  %logp = stablehlo.log %p : tensor<6x4xf32>
  %q = stablehlo.multiply %logp, %hot : tensor<6x4xf32>
  %sum = stablehlo.reduce(%q init: %zero) applies stablehlo.add across dimensions=[0, 1]
    : (tensor<6x4xf32>, tensor<f32>) -> tensor<f32>
  %sixth = stablehlo.constant dense<-0.16666667> : tensor<f32>
  %loss = stablehlo.multiply %sum, %sixth : tensor<f32>
"""

BACKWARD = """
  %d = stablehlo.subtract %p, %hot : tensor<6x4xf32>
  %share = stablehlo.constant dense<0.16666667> : tensor<6x4xf32>
  %dy = stablehlo.multiply %d, %share : tensor<6x4xf32>
  %h2 = stablehlo.slice %h [0:6, 2:4] : (tensor<6x8xf32>) -> tensor<6x2xf32>
  %dw = stablehlo.dot_general %h2, %dy, contracting_dims=[0]x[0]
    : (tensor<6x2xf32>, tensor<6x4xf32>) -> tensor<2x4xf32>
  %db = stablehlo.reduce(%dy init: %zero) applies stablehlo.add across dimensions=[0]
    : (tensor<6x4xf32>, tensor<f32>) -> tensor<4xf32>
  "pock.momentum"(%dw, %lr) {parameter=@head.weight, velocity=@head.weight.velocity,
    offsets=array<i64: 2, 0>, sizes=array<i64: 2, 4>, momentum=0.9, nesterov=false,
    weight_decay=0.0} : (tensor<2x4xf32>, tensor<f32>) -> ()
  "pock.momentum"(%db, %lr) {parameter=@head.bias, velocity=@head.bias.velocity,
    offsets=array<i64: 0>, sizes=array<i64: 4>, momentum=0.9, nesterov=false,
    weight_decay=0.0} : (tensor<4xf32>, tensor<f32>) -> ()
"""

# A linear classifier whose weight is stored transposed; two of the stored weight's rows and the
# bias are trained with momentum. The scale is frozen, the mean is not in the module.
CLASSIFIER = f"""{HEADER}
func.func @predict(%x: tensor<6x8xf32>) -> tensor<6x4xf32> {{{FORWARD}
  return %y : tensor<6x4xf32>
}}
func.func @train_step(%x: tensor<6x8xf32>, %t: tensor<6xi32>, %lr: tensor<f32>) -> tensor<f32> {{
  {FORWARD}{LOSS}{BACKWARD}
  return %loss : tensor<f32>
}}
"""

PRODUCT = """
  %a = "pock.read"() {parameter=@a} : () -> tensor<4xf32>
  %a2 = stablehlo.broadcast_in_dim %a, dims=[1] : (tensor<4xf32>) -> tensor<2x4xf32>
  %y = stablehlo.multiply %x, %a2 : tensor<2x4xf32>
"""

# y = a * x, mean squared error, SGD: a module with a single parameter.
REGRESSION = f"""
"pock.parameter"() {{sym_name="a", type=tensor<4xf32>, kind="weight"}} : () -> ()
func.func @predict(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {{{PRODUCT}
  return %y : tensor<2x4xf32>
}}
func.func @train_step(%x: tensor<2x4xf32>, %t: tensor<2x4xf32>, %lr: tensor<f32>) -> tensor<f32> {{
  {PRODUCT}
  %d = stablehlo.subtract %y, %t : tensor<2x4xf32>
  %zero = stablehlo.constant dense<0.0> : tensor<f32>
  %dd = stablehlo.multiply %d, %d : tensor<2x4xf32>
  %sum = stablehlo.reduce(%dd init: %zero) applies stablehlo.add across dimensions=[0, 1]
    : (tensor<2x4xf32>, tensor<f32>) -> tensor<f32>
  %eighth = stablehlo.constant dense<0.125> : tensor<f32>
  %loss = stablehlo.multiply %sum, %eighth : tensor<f32>
  %xd = stablehlo.multiply %x, %d : tensor<2x4xf32>
  %quarter = stablehlo.constant dense<0.25> : tensor<2x4xf32>
  %xd2 = stablehlo.multiply %xd, %quarter : tensor<2x4xf32>
  %da = stablehlo.reduce(%xd2 init: %zero) applies stablehlo.add across dimensions=[0]
    : (tensor<2x4xf32>, tensor<f32>) -> tensor<4xf32>
  "pock.sgd"(%da, %lr) {{parameter=@a, offsets=array<i64: 0>, sizes=array<i64: 4>,
    weight_decay=0.0}} : (tensor<4xf32>, tensor<f32>) -> ()
  return %loss : tensor<f32>
}}
"""


@cache
def compiled(text: str, target: str = "cpu") -> bytes:
    """The .vmfb of a program in the dialect."""
    with make_context(), Location.unknown():
        module = Module.parse(text)
        PockToIree().run(module)
        return compile_module(str(module), TARGETS[target]).vmfb


def classifier(target: str = "cpu", **changes: Any) -> Artifact:
    """The classifier as an artifact, with fixed random values."""
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.5, 1.5, 8).astype(np.float32)
    weight = rng.standard_normal((4, 8)).astype(np.float32)
    bias = rng.standard_normal(4).astype(np.float32)
    x, logits = TensorSpec("x", (6, 8), "float32"), TensorSpec("logits", (6, 4), "float32")
    targets, rate = TensorSpec("targets", (6,), "int32"), TensorSpec("lr", (), "float32")
    loss = TensorSpec("loss", (), "float32")
    parameters = (
        ParameterSpec("mean", "buffer", (8,), "float32", in_module=False),
        ParameterSpec("scale", "weight", (8,), "float32"),
        ParameterSpec(
            "head.weight",
            "weight",
            (4, 8),
            "float32",
            layout=(1, 0),
            trained=(SliceSpec((0, 2), (4, 2)),),
            aliases=("tied.weight",),
        ),
        ParameterSpec("head.bias", "weight", (4,), "float32", trained="all"),
        ParameterSpec("head.weight.velocity", "state", (4, 2), "float32", layout=(1, 0)),
        ParameterSpec("head.bias.velocity", "state", (4,), "float32"),
    )
    options: dict[str, Any] = {
        "target": target,
        "driver": TARGETS[target].driver,
        "functions": {
            "train_step": FunctionSpec((x, targets, rate), (loss,)),
            "predict": FunctionSpec((x,), (logits,)),
        },
        "loss": {"kind": "cross-entropy"},
        "optimizer": {"kind": "momentum", "lr": 0.1, "momentum": 0.9},
        "scheme": {"name": "columns"},
        "parameters": parameters,
        "state_order": tuple(p.name for p in parameters[2:]),
        **changes,
    }
    return Artifact(
        Manifest(**options),
        compiled(CLASSIFIER, target),
        {"scale": scale, "head.weight": np.ascontiguousarray(weight.T), "head.bias": bias},
        {"mean": np.arange(8, dtype=np.float32)},
    )


def regression() -> Artifact:
    """The program with a single parameter."""
    x, y = TensorSpec("x", (2, 4), "float32"), TensorSpec("y", (2, 4), "float32")
    rate, loss = TensorSpec("lr", (), "float32"), TensorSpec("loss", (), "float32")
    manifest = Manifest(
        target="cpu",
        driver="local-sync",
        functions={
            "train_step": FunctionSpec((x, y, rate), (loss,)),
            "predict": FunctionSpec((x,), (y,)),
        },
        loss={"kind": "mse"},
        optimizer={"kind": "sgd"},
        scheme={"name": "full"},
        parameters=(ParameterSpec("a", "weight", (4,), "float32", trained="all"),),
        state_order=("a",),
    )
    return Artifact(manifest, compiled(REGRESSION), {"a": np.ones(4, np.float32)}, {})


def batch(seed: int = 0, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """A batch for the classifier."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((size, 8)).astype(np.float32)
    return x, rng.integers(0, 4, size).astype(np.int32)


class Reference:
    """The classifier's training step in NumPy, in double precision."""

    def __init__(self) -> None:
        artifact = classifier()
        self.scale = artifact.parameters["scale"].astype(np.float64)
        self.weight = artifact.parameters["head.weight"].T.astype(np.float64)
        self.bias = artifact.parameters["head.bias"].astype(np.float64)
        self.weight_velocity = np.zeros((4, 2))
        self.bias_velocity = np.zeros(4)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return (x * self.scale) @ self.weight.T + self.bias

    def losses(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        y = self.predict(x)
        return np.log(np.exp(y).sum(1)) - y[np.arange(len(y)), labels]

    def step(self, x: np.ndarray, labels: np.ndarray, rate: float = 0.1) -> float:
        y = self.predict(x)
        loss = self.losses(x, labels).mean()
        dy = (np.exp(y) / np.exp(y).sum(1, keepdims=True) - np.eye(4)[labels]) / len(x)
        self.weight_velocity = 0.9 * self.weight_velocity + dy.T @ (x * self.scale)[:, 2:4]
        self.bias_velocity = 0.9 * self.bias_velocity + dy.sum(0)
        self.weight = self.weight.copy()
        self.weight[:, 2:4] -= rate * self.weight_velocity
        self.bias = self.bias - rate * self.bias_velocity
        return float(loss)
