"""Folds the noise that a front end's lowering leaves behind."""

from __future__ import annotations

from pock_mlir.ir import Module, PassManager
from pock_mlir.passes.fold_constants import FoldConstants
from pock_mlir.passes.patterns import producer
from pock_mlir.passes.prepare_for_gradients import PrepareForGradients
from pock_mlir.passes.simplify import Simplify
from pock_mlir.passes.unroll_loops import UnrollLoops
from pock_mlir.rewriting import named_ops

_PIPELINE = "builtin.module(func.func(stablehlo-aggressive-simplification,canonicalize,cse))"


def clean(module: Module) -> None:
    """Fold constants, conversions and reshapes in every function of `module`, in place.

    Calls are inlined, short loops unrolled, and shapes made static before.
    """
    PrepareForGradients().run(module)
    UnrollLoops().run(module)
    for _ in range(2):
        FoldConstants().run(module)
        Simplify().run(module)
        with module.context:
            PassManager.parse(_PIPELINE).run(module.operation)


def erase_idle_assignments(module: Module) -> None:
    """Erase assignments of a parameter's own value, which a front end makes of unused state."""
    for op in named_ops(module, "pock.assign"):
        source = producer(op.value, "pock.read")
        if source is not None and source.attributes["parameter"] == op.parameter:
            op.operation.erase()
