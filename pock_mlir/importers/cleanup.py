"""Folds the noise that a front end's lowering leaves behind."""

from __future__ import annotations

from pock_mlir.ir import Module, PassManager

_PIPELINE = "builtin.module(func.func(stablehlo-aggressive-simplification,canonicalize,cse))"


def clean(module: Module) -> None:
    """Fold constants, conversions and reshapes in every function of `module`, in place."""
    with module.context:
        PassManager.parse(_PIPELINE).run(module.operation)
