"""A file that torch.export wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pock_mlir.importers import ImportedModel, ModelImportError
from pock_mlir.importers.torch import import_torch


def import_torch_file(path: str | Path, example_inputs: Any = (), **options: Any) -> ImportedModel:
    """Import a `.pt2` file, whose inputs are those that it was exported with.

    Raises:
        ModelImportError: the file is no exported program, or see `import_torch`.
    """
    try:
        program = torch.export.load(str(path))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelImportError(f"{path} is no torch.export program: {reason}") from error
    return import_torch(program, example_inputs, **options)
