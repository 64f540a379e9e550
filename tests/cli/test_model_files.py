"""`pock compile` on the files of other front ends."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from pock_mlir.runtime import Trainer
from tests.cli.conftest import Pock

os.environ.setdefault("KERAS_BACKEND", "jax")

STABLEHLO = """
func.func @main(%w: tensor<8x4xf32>, %x: tensor<6x8xf32>) -> tensor<6x4xf32> {
  %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0]
    : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  return %y : tensor<6x4xf32>
}
"""
TOML = 'values = "v.npz"\n[[argument]]\nparameter = "w"\n[[argument]]\ninput = "x"\n'


def test_stablehlo(pock: Pock, tmp_path: Path) -> None:
    (tmp_path / "m.mlir").write_text(STABLEHLO)
    (tmp_path / "m.toml").write_text(TOML)
    np.savez(tmp_path / "v.npz", w=np.ones((8, 4), "f"))
    result = pock("compile", tmp_path / "m.mlir", "--lr", 0.1, "-o", tmp_path / "p.pock")
    assert result.exit_code == 0, result.output
    trainer = Trainer(tmp_path / "p.pock")
    assert trainer.step(np.ones((6, 8), "f"), np.zeros(6, "i4")) == pytest.approx(np.log(4))


def test_onnx_of_open_batch(pock: Pock, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            torch.nn.Linear(8, 4),
            (torch.zeros(1, 8),),
            tmp_path / "m.onnx",
            dynamo=False,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
        )
    words = [tmp_path / "m.onnx", "--batch", 6, "-o", tmp_path / "p.pock"]
    assert pock("compile", *words).exit_code == 0
    assert Trainer(tmp_path / "p.pock").manifest.functions["predict"].inputs[0].shape == (6, 8)


def test_keras(pock: Pock, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="dense")])
    model.save(tmp_path / "m.keras")
    words = [tmp_path / "m.keras", "--batch", 3, "--scheme", "bias-only", "-o", tmp_path / "p.pock"]
    result = pock("compile", *words)
    assert result.exit_code == 0, result.output
    names = [spec.name for spec in Trainer(tmp_path / "p.pock").manifest.parameters]
    assert {name.split("/")[-1] for name in names} == {"kernel", "bias"}


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("none.onnx", [], "no such file: none.onnx"),
        ("m.mlir", ["--batch", 3], "--batch: not for .*m.mlir"),
        ("m.onnx", ["--classes", 3], "--classes: not for .*m.onnx"),
        ("m.onnx", [], "m.onnx: not a valid ONNX model"),
        ("m.mlir", [], "no .*m.toml: it says which arguments"),
        (".", [], "is no SavedModel: it has no saved_model.pb"),
    ],
)
def test_files_that_are_wrong(
    pock: Pock, tmp_path: Path, name: str, words: list[object], message: str
) -> None:
    for each in ("m.onnx", "m.mlir"):
        (tmp_path / each).write_text("nothing")
    path = name if name.startswith("none") else tmp_path / name
    result = pock("compile", path, *words)
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr
