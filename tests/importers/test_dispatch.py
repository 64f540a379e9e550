"""Which front end takes a model, and what one is told where none does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pock_mlir as pock
from pock_mlir.importers import ModelImportError, dispatch, extras, import_model

NOTHING_LOADED = """
import sys
from pock_mlir.importers.dispatch import importer_of
try:
    importer_of(3)
except Exception as error:
    assert "no model" in str(error), error
loaded = {"torch", "jax", "keras", "tensorflow", "onnx"} & set(sys.modules)
assert not loaded, loaded
"""


def test_telling_them_apart_imports_no_framework() -> None:
    subprocess.run([sys.executable, "-c", NOTHING_LOADED], check=True)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "a builtins.int is no model; expected a torch.nn.Module or"),
        (lambda p, x: x, r"write pock_mlir.JaxModel\(function, params\)"),
        ("missing.onnx", "no such file: missing.onnx"),
        (Path(__file__), "no front end for '.py' files; known: .keras, .onnx"),
        (Path(__file__).parent, "is no SavedModel"),
    ],
)
def test_what_is_no_model(model: Any, message: str) -> None:
    with pytest.raises(ModelImportError, match=message):
        import_model(model)


@pytest.mark.parametrize(
    ("suffix", "package"), [(".onnx", "onnx"), (".keras", "keras"), (".pt2", "torch")]
)
def test_a_missing_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, package: str
) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    (tmp_path / f"m{suffix}").touch()
    with pytest.raises(ImportError, match=rf"pip install 'pock-mlir\[{package}\]'"):
        dispatch.importer_of(tmp_path / f"m{suffix}")


def test_a_file_of_torch_export(tmp_path: Path) -> None:
    program = torch.export.export(torch.nn.Linear(3, 2), (torch.ones(4, 3),))
    torch.export.save(program, tmp_path / "m.pt2")
    assert list(import_model(tmp_path / "m.pt2").values) == ["weight", "bias"]
    (tmp_path / "n.pt2").write_text("no program")
    with pytest.raises(ModelImportError, match="is no torch.export program"):
        import_model(tmp_path / "n.pt2")


def test_compile_takes_them_all() -> None:
    model = pock.JaxModel(lambda p, x: x @ p["w"], {"w": np.ones((3, 2), "f")})
    program = pock.compile(model, np.ones((4, 3), "f"), loss="mse", optimizer=pock.SGD(lr=0.1))
    assert [spec.name for spec in program.manifest.parameters] == ["w"]
