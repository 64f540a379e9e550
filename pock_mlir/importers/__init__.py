"""Front ends: each turns a framework's model into a model module (see docs/architecture)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pock_mlir.ir import Context, Module

__all__ = ["ImportedModel", "ModelImportError", "import_model"]


class ModelImportError(Exception):
    """A model cannot be imported; `problems` names every reason found, not the first one only."""

    def __init__(self, summary: str, problems: Sequence[str] = ()) -> None:
        self.problems = list(problems)
        super().__init__("\n  ".join([summary, *self.problems]))


@dataclass
class ImportedModel:
    """A model module and the values of its parameters.

    Attributes:
        context: the MLIR context that owns `module`.
        module: one `pock.parameter` per parameter and buffer, `@forward`, and `@predict` where the
            training and the evaluation mode differ.
        values: parameter name to value, in the framework's layout; names as the framework has
            them. Parameters on PyTorch's meta device have no value.
        aliases: further names of shared (tied) parameters, each with the name that declares it.
        inputs: names of the model's inputs, in the order of the arguments of `@forward`.
        targets: names of the targets, in the order of the arguments of `@loss` behind the inputs.
    """

    context: Context
    module: Module
    values: dict[str, np.ndarray]
    aliases: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=lambda: ["targets"])


def import_model(
    model: Any,
    example_inputs: Any = (),
    *,
    training: bool = False,
    loss: Callable[..., Any] | None = None,
    example_targets: Any = None,
    seed: int = 0,
) -> ImportedModel:
    """Import a model of any front end; which one is told from its type (see docs/frontends.md).

    Args:
        model: a model of a framework, a JaxModel, or the path of a file.
        example_inputs: arrays with the shapes and types of a batch; may be left out where the model
            says them itself.
        training: import the training mode (batch-norm's running statistics are assigned).
        loss: a function (outputs, targets) -> scalar of the model's framework, which becomes
            `@loss(inputs..., targets...)`.
        example_targets: an array with the shape and type of the targets, for `loss`.
        seed: of the masks of dropout, of front ends that draw them.

    Raises:
        ModelImportError: names everything that stands in the way.
        ImportError: the model's framework is not installed.
    """
    from pock_mlir.importers.dispatch import importer_of

    options: dict[str, Any] = {}
    if loss is not None:
        options = {"loss": loss, "example_targets": example_targets}
    importer = importer_of(model)
    if seed:
        if not _takes_seed(importer):
            raise ModelImportError("this front end draws no masks of dropout: leave the seed out")
        options["seed"] = seed
    return importer(model, example_inputs, training=training, **options)


def _takes_seed(importer: Callable[..., Any]) -> bool:
    parameters = inspect.signature(importer).parameters.values()
    return any(p.name == "seed" or p.kind is p.VAR_KEYWORD for p in parameters)
