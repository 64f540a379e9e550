"""Front ends: each turns a framework's model into a model module (see docs/architecture)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pock_mlir.ir import Context, Module

__all__ = ["ImportedModel", "ModelImportError"]


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
    """

    context: Context
    module: Module
    values: dict[str, np.ndarray]
    aliases: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
