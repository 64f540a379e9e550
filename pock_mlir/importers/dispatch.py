"""Which front end a model belongs to, told from its type; no framework is imported to find out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.extras import require
from pock_mlir.importers.jax_model import JaxModel

Importer = Callable[..., ImportedModel]

_KERAS = ("keras", "pock_mlir.importers.keras:import_keras")
_TORCH = ("torch", "pock_mlir.importers.torch:import_torch")
_TORCH_FILE = ("torch", "pock_mlir.importers.torch_file:import_torch_file")
_TENSORFLOW = ("tensorflow", "pock_mlir.importers.tensorflow:import_tensorflow")
_ONNX = ("onnx", "pock_mlir.importers.onnx:import_onnx")
_JAX = ("jax", "pock_mlir.importers.jax:import_jax")
_STABLEHLO = ("", "pock_mlir.importers.stablehlo:import_stablehlo")

# In this order: a Keras model may be a torch.nn.Module or a tf.Module at the same time.
_BY_PACKAGE = {"keras": _KERAS, "torch": _TORCH, "tensorflow": _TENSORFLOW, "onnx": _ONNX}
_BY_SUFFIX = {
    ".keras": _KERAS,
    ".onnx": _ONNX,
    ".pt2": _TORCH_FILE,
    ".mlir": _STABLEHLO,
    ".mlirbc": _STABLEHLO,
    ".bin": _STABLEHLO,
}

ACCEPTED = (
    "a torch.nn.Module or torch.export program, a pock_mlir.JaxModel, a Keras model, a tf.function "
    "or loaded SavedModel, an ONNX ModelProto, or the path of a "
    f"{', '.join(_BY_SUFFIX)} file or of a SavedModel directory"
)


def importer_of(model: Any) -> Importer:
    """The front end for `model`.

    Raises:
        ModelImportError: there is none; says what there is, or what to write instead.
        ImportError: its framework is not installed.
    """
    if isinstance(model, JaxModel):
        return _load(_JAX)
    if isinstance(model, str | Path):
        return _of_path(Path(model))
    packages = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    for package, front_end in _BY_PACKAGE.items():
        if package in packages:
            return _load(front_end)
    raise ModelImportError(f"{_described(model)} is no model; expected {ACCEPTED}")


def _of_path(path: Path) -> Importer:
    if not path.exists():
        raise ModelImportError(f"no such file: {path}")
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ModelImportError(f"{path} is no SavedModel: it has no saved_model.pb")
        return _load(_TENSORFLOW)
    if path.suffix not in _BY_SUFFIX:
        known = ", ".join(_BY_SUFFIX)
        raise ModelImportError(f"{path}: no front end for '{path.suffix}' files; known: {known}")
    return _load(_BY_SUFFIX[path.suffix])


def _load(front_end: tuple[str, str]) -> Importer:
    package, home = front_end
    if package:
        require(package)
    module, _, function = home.partition(":")
    return getattr(import_module(module), function)


def _described(model: Any) -> str:
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    packages = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if packages & {"jax", "jaxlib", "flax"} or callable(model):
        return (
            f"a {kind} says nothing of its parameters; write pock_mlir.JaxModel(function, params) "
            "for a JAX function f(params, *inputs) or a jax.export program. As it is it"
        )
    return f"a {kind}"
