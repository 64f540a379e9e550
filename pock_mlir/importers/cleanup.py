"""Folds the noise that a front end's lowering leaves behind."""

from __future__ import annotations

from pock_mlir.ir import Module, PassManager
from pock_mlir.passes.fold_constants import FoldConstants
from pock_mlir.passes.simplify import Simplify

_PIPELINE = "builtin.module(func.func(stablehlo-aggressive-simplification,canonicalize,cse))"


def clean(module: Module) -> None:
    """Fold constants, conversions and reshapes in every function of `module`, in place."""
    for _ in range(2):
        FoldConstants().run(module)
        Simplify().run(module)
        with module.context:
            PassManager.parse(_PIPELINE).run(module.operation)
