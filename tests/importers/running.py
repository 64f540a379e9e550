"""Run imported models in the interpreter, beside PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pock_mlir.importers import ImportedModel
from pock_mlir.importers.torch import to_numpy
from pock_mlir.ir import Module
from pock_mlir.rewriting import parameters
from tests.support.interpreter import Interpreter, Outcome


def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give biases, norms and statistics values that tell a mistake apart, in place."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        for name, tensor in module.named_parameters(recurse=False):
            if name == "bias" or tensor.dim() == 1:
                tensor.data.uniform_(0.5, 1.5, generator=generator)
        for tensor in module.buffers(recurse=False):
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5, generator=generator)
    return model


def run(
    imported: ImportedModel,
    *inputs: torch.Tensor,
    function: str = "forward",
    module: Module | None = None,
) -> Outcome:
    """Call a function of the model module, or of another module over the same parameters.

    Values are permuted to the layouts that are declared, and folded ones computed.
    """
    module = module or imported.module
    declared = parameters(module)
    stored = {
        name: np.transpose(value, declared[name].layout)
        for name, value in imported.values.items()
        if name in declared
    }
    folded = [name for name, op in declared.items() if op.kind.value == "folded"]
    if folded:
        stored |= dict(zip(folded, Interpreter(module, "fold")(stored).results, strict=True))
    return Interpreter(module, function)(stored, *map(to_numpy, inputs))


def ops_of(module: Module) -> list[str]:
    """The names of all ops in the bodies of functions, nested ones too."""
    names: list[str] = []

    def visit(op: object) -> None:
        for region in op.regions:  # pyright: ignore[reportAttributeAccessIssue]
            for block in region:
                for inner in block.operations:
                    names.append(inner.operation.name)
                    visit(inner.operation)

    visit(module.operation)
    return [name for name in names if name not in ("pock.parameter", "func.func")]
