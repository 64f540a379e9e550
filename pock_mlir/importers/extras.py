"""Packages that a front end needs, which the user may not have."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_INSTALL = {
    "torch": "torch",
    "jax": "jax",
    "flax": "jax",
    "keras": "keras",
    "tensorflow": "tensorflow",
    "onnx": "onnx",
}
"""Package to the extra of pock-mlir that brings it."""


def require(package: str) -> Any:
    """The module `package`, imported.

    Raises:
        ImportError: it is not installed; with the command that installs it.
    """
    if package == "keras":
        _choose_keras_backend()
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        root = package.partition(".")[0]
        if (error.name or "").partition(".")[0] != root:
            raise
        raise ImportError(
            f"this model needs the package '{root}', which is not installed: "
            f"pip install 'pock-mlir[{_INSTALL[root]}]'"
        ) from error


def _choose_keras_backend() -> None:
    """Keras takes TensorFlow unless it is told; where that is not installed, JAX or PyTorch do."""
    undecided = "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ
    if undecided and find_spec("tensorflow") is None:
        os.environ["KERAS_BACKEND"] = "jax" if find_spec("jax") else "torch"
