"""Which model to compile: from the zoo, from a Python file, or a file of some front end."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

FILES = (".pt2", ".onnx", ".keras", ".mlir", ".mlirbc", ".bin")
FORMS = f"zoo:NAME, FILE.py:FACTORY, a {', '.join(FILES)} file or a SavedModel directory"
DEFAULT_BATCH, DEFAULT_IMAGE_SIZE, DEFAULT_TOKENS = 8, 96, 64


@dataclass(frozen=True)
class ZooOptions:
    """What one may choose of a model in the zoo; None is the model's own default."""

    batch: int | None = None
    image_size: int | None = None
    tokens: int | None = None
    classes: int | None = None
    pretrained: bool = False

    @property
    def given(self) -> list[str]:
        """The command's options behind what was chosen."""
        options = {
            "--batch": self.batch is not None,
            "--image-size": self.image_size is not None,
            "--tokens": self.tokens is not None,
            "--classes": self.classes is not None,
            "--pretrained": self.pretrained,
        }
        return [name for name, chosen in options.items() if chosen]


class Loaded(NamedTuple):
    """A model and example inputs for it, which are empty where the model has its own.

    `loss` is a loss of the user's, (outputs, targets) -> scalar; `targets` are an example for it.
    """

    model: Any
    inputs: tuple[Any, ...]
    loss: Callable[..., Any] | None = None
    targets: Any = None


def load_model(spec: str, options: ZooOptions) -> Loaded:
    """What `spec` names.

    Raises:
        ValueError: `spec` has none of the known forms, or what it names is not there or fails.
        ImportError: the model's framework is missing.
    """
    if spec.startswith("zoo:"):
        return Loaded(*_from_zoo(spec.removeprefix("zoo:"), options))
    if Path(spec).suffix in FILES or Path(spec).is_dir():
        return Loaded(*_from_file(Path(spec), options))
    if options.given:
        raise ValueError(
            f"{', '.join(options.given)}: only for models of the zoo; '{spec}' has its own inputs"
        )
    file, _, factory = spec.rpartition(":")
    if file.endswith(".py"):
        return _from_factory(Path(file), factory)
    if spec.endswith(".py"):
        raise ValueError(f"which function of {spec} makes the model? Write {spec}:FUNCTION")
    raise ValueError(f"MODEL must be {FORMS}, got '{spec}'")


def schemes_of(spec: str) -> dict[str, Path]:
    """The files of the schemes that the zoo has for the model that `spec` names, by their names."""
    from pock_mlir import zoo

    return zoo.schemes(spec.removeprefix("zoo:")) if spec.startswith("zoo:") else {}


def _from_zoo(name: str, options: ZooOptions) -> tuple[Any, tuple[Any, ...]]:
    from pock_mlir import zoo

    wanted: dict[str, Any] = {}
    if options.classes is not None:
        wanted["num_classes"] = options.classes
    if options.pretrained:
        wanted["pretrained"] = True
    try:
        model = zoo.create(name, **wanted)
    except TypeError as error:
        option = "pre-trained weights" if options.pretrained else "number of classes to choose"
        raise ValueError(f"zoo:{name} has no {option}") from error
    return model, _zoo_inputs(name, model, options)


def _zoo_inputs(name: str, model: Any, options: ZooOptions) -> tuple[Any, ...]:
    import torch

    batch, layers = options.batch or DEFAULT_BATCH, getattr(model, "layers", None)
    names = list(inspect.signature(model.forward).parameters)
    text, images = names[0] == "token_ids", layers is None
    if options.image_size is not None and (text or not images):
        raise ValueError(f"zoo:{name} takes no images; leave out --image-size")
    if options.tokens is not None and not text:
        raise ValueError(f"zoo:{name} takes no text; leave out --tokens")
    if text:
        ids = torch.zeros(batch, options.tokens or DEFAULT_TOKENS, dtype=torch.int32)
        return ids, *(torch.ones_like(ids) for _ in names[1:])
    if layers is not None:
        return (torch.zeros(batch, layers[0].in_features),)
    size = options.image_size or DEFAULT_IMAGE_SIZE
    return (torch.zeros(batch, 3, size, size),)


def _from_file(path: Path, options: ZooOptions) -> tuple[Any, tuple[Any, ...]]:
    from pock_mlir.importers.files import WITH_OPEN_BATCH, load_file

    if not path.exists():
        raise ValueError(f"no such file: {path}")
    suffix = "" if path.is_dir() else path.suffix
    refused = [name for name in options.given if name != "--batch" or suffix not in WITH_OPEN_BATCH]
    if refused:
        raise ValueError(
            f"{', '.join(refused)}: not for {path}, which is a model with inputs of its own"
        )
    return load_file(path, options.batch or DEFAULT_BATCH)


def _from_factory(path: Path, name: str) -> Loaded:
    module = _run_file(path)
    factory = getattr(module, name, None)
    if not callable(factory):
        functions = [each for each in vars(module) if callable(getattr(module, each))]
        near = get_close_matches(name, functions, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"{path} has no function '{name}'{hint}")
    try:
        made = factory()
    except Exception as error:
        raise ValueError(f"{path}:{name} failed: {_described(error)}") from error
    parts: list[Any] = list(cast("tuple[Any, ...]", made)) if isinstance(made, tuple) else []
    if len(parts) not in (2, 4) or (len(parts) == 4 and not callable(parts[2])):
        raise ValueError(
            f"{path}:{name} must return (model, example_inputs), or with a loss of its own "
            "(model, example_inputs, loss, example_targets)"
        )
    model, inputs, *loss = parts
    several = isinstance(inputs, list | tuple)
    return Loaded(model, tuple(cast("tuple[Any, ...]", inputs)) if several else (inputs,), *loss)


def _run_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ValueError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # as `python FILE.py` does
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} failed: {_described(error)}") from error
    return module


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
