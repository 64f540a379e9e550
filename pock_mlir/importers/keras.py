"""Keras 3, on any of its backends: a model to a model module, with the paths of its variables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.extras import require
from pock_mlir.importers.jax_model import JaxModel


def import_keras(
    model: Any,
    example_inputs: Any = (),
    *,
    training: bool = False,
    loss: Callable[..., Any] | None = None,
    example_targets: Any = None,
) -> ImportedModel:
    """Import a Keras model.

    Trainable variables are weights, others buffers, under their paths, `conv2d/kernel`. A layer
    with `trainable=False` has no weights, then, and no scheme can train it.

    Args:
        model: a keras.Model, or the path of a `.keras` file.
        example_inputs: arrays with the shapes of a batch; where the model has fixed shapes, they
            may be left out. One array, a sequence, or a mapping by name.
        training: import the training mode: what Keras updates in it (running statistics, the seeds
            of dropout) is assigned, and `@predict` is the inference mode.
        loss: (outputs, targets) -> scalar, in functions of the backend or of keras.ops; a
            keras.losses.Loss too.
        example_targets: an array with the shape and type of the targets, for `loss`.

    Raises:
        ModelImportError: with everything that stands in the way.
        ImportError: the package of the model's backend is not installed.
    """
    keras = require("keras")
    if isinstance(model, str | Path):
        model = load_keras(keras, Path(model))
    arguments = _arguments(keras, model, example_inputs)
    if not model.built:
        model(*arguments)
    _check_paths(model)
    options = {"training": training, "loss": _loss(keras, loss), "example_targets": example_targets}
    backend = keras.config.backend()
    if backend == "jax":
        from pock_mlir.importers.jax import import_jax

        return import_jax(_jax_model(model), arguments, **options)
    if backend == "tensorflow":
        from pock_mlir.importers.keras_tensorflow import import_keras_on_tensorflow

        return import_keras_on_tensorflow(model, arguments, **options)
    if backend == "torch":
        from pock_mlir.importers.keras_torch import import_keras_on_torch

        return import_keras_on_torch(model, arguments, **options)
    raise ModelImportError(f"Keras on '{backend}' is not supported: use jax, torch or tensorflow")


def load_keras(keras: Any, path: Path) -> Any:
    """The model of a `.keras` file; code in it is not run. Raises ModelImportError."""
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ModelImportError(f"{path}: Keras cannot load it: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _loss(keras: Any, loss: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Losses of Keras take the targets first."""
    if loss is None or not isinstance(loss, keras.losses.Loss):
        return loss
    return lambda outputs, targets: loss(targets, outputs)


# ---- inputs ----------------------------------------------------------------------------------


def _arguments(keras: Any, model: Any, example: Any) -> list[Any]:
    """What to call the model with; a functional model takes several inputs as one list."""
    if isinstance(example, Mapping):
        return [{name: _array(value) for name, value in example.items()}]
    arrays = [_array(x) for x in example] if isinstance(example, list | tuple) else [example]
    if not arrays:
        arrays = zeros(model, None)
    structured = isinstance(model, (keras.Sequential, keras.src.models.Functional))
    return [arrays] if structured and len(arrays) > 1 else arrays


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


def zeros(model: Any, batch: int | None) -> list[np.ndarray]:
    """Example inputs of zeros, where the open first size is `batch`.

    Raises:
        ModelImportError: the shapes are not known.
    """
    inputs: list[Any] = list(getattr(model, "inputs", None) or [])
    shapes: list[Any] = [
        (batch if x.shape[0] is None else x.shape[0], *x.shape[1:]) for x in inputs
    ]
    if not inputs or any(size is None for shape in shapes for size in shape):
        open_shapes = f": {', '.join(map(str, shapes))}" if shapes else ""
        raise ModelImportError(
            f"the Keras model leaves shapes of its inputs open{open_shapes}; give example inputs"
        )
    return [np.zeros(shape, x.dtype) for shape, x in zip(shapes, inputs, strict=True)]


# ---- variables -------------------------------------------------------------------------------


def _check_paths(model: Any) -> None:
    counts = Counter(variable.path for variable in model.variables)
    repeated = sorted(path for path, count in counts.items() if count > 1)
    if repeated:
        raise ModelImportError(
            "several variables of the Keras model have the same path; name their layers:", repeated
        )


def refuse_losses(losses: list[Any]) -> None:
    """Losses that the model adds by itself would be missing from the step."""
    if losses:
        raise ModelImportError(
            f"the Keras model adds {len(losses)} losses of its own (regularizers, add_loss), which "
            "would be missing; remove them, and give the optimizer a weight_decay"
        )


def _jax_model(model: Any) -> JaxModel:
    trainable = [v.path for v in model.trainable_variables]
    others = [v.path for v in model.non_trainable_variables]

    def call(params: Any, buffers: Any, arguments: Any, training: bool) -> Any:
        outputs, changed, losses = model.stateless_call(
            [params[path] for path in trainable],
            [buffers[path] for path in others],
            *arguments,
            training=training,
            return_losses=True,
        )
        refuse_losses(losses)
        return outputs, dict(zip(others, changed, strict=True))

    return JaxModel(
        lambda params, buffers, *inputs: call(params, buffers, inputs, False)[0],
        {v.path: v.value for v in model.trainable_variables},
        {v.path: v.value for v in model.non_trainable_variables},
        lambda params, buffers, *inputs: call(params, buffers, inputs, True),
    )
