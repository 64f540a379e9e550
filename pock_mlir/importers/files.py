"""Model files: what is in them, and inputs to trace it with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.importers import ModelImportError
from pock_mlir.importers.dispatch import importer_of
from pock_mlir.importers.extras import require

WITH_OPEN_BATCH = (".onnx", ".keras", "")
"""The kinds of files that may leave the size of a batch open; "" is a SavedModel's directory."""


def load_file(path: Path, batch: int) -> tuple[Any, Any]:
    """The model of a file as `import_model` takes it, and example inputs.

    Args:
        path: of any kind that `import_model` takes.
        batch: the first size of an input that the file leaves open.

    Returns:
        The inputs are zeros; there are none for a file that says all shapes itself.

    Raises:
        ModelImportError: the file cannot be read, or leaves other sizes open.
        ImportError: the package of its framework is not installed.
    """
    if path.suffix == ".onnx":
        return path, _onnx_inputs(path, batch)
    if path.suffix == ".keras":
        return _keras(path, batch)
    if path.is_dir():
        importer_of(path)  # names what is missing, before TensorFlow is loaded
        return _saved_model(path, batch)
    return path, ()


def _onnx_inputs(path: Path, batch: int) -> list[np.ndarray]:
    onnx = require("onnx")
    from pock_mlir.importers.onnx_graph import zeros

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        raise ModelImportError(f"{path}: not a valid ONNX model: {error}") from error
    return zeros(model, batch)


def _keras(path: Path, batch: int) -> tuple[Any, list[np.ndarray]]:
    keras = require("keras")
    from pock_mlir.importers.keras import load_keras, zeros

    model = load_keras(keras, path)
    return model, zeros(model, batch)


def _saved_model(path: Path, batch: int) -> tuple[Any, dict[str, np.ndarray]]:
    tf = require("tensorflow")
    from pock_mlir.importers.tensorflow import load_saved_model

    model, function = load_saved_model(tf, path)
    inputs: dict[str, np.ndarray] = {}
    for name, spec in function.structured_input_signature[1].items():
        sizes: list[Any] = list(spec.shape.as_list()) if spec.shape.rank is not None else ["?"]
        sizes = [batch if i == 0 and n is None else n for i, n in enumerate(sizes)]
        if not all(isinstance(size, int) for size in sizes):
            raise ModelImportError(f"{path}: input {name} has the open shape {spec.shape}")
        inputs[name] = np.zeros(sizes, spec.dtype.as_numpy_dtype)
    return model, inputs
