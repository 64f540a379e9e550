"""What the IR may say: the `pock` dialect, its transform ops, and builders for StableHLO."""

from __future__ import annotations

if __name__ == "dialects":
    raise ImportError("import pock_mlir.dialects instead: `dialects` would be a second copy of it")

from pock_mlir.dialects.pock import Pock
from pock_mlir.ir import Context, load_chlo, stablehlo_bindings


def make_context(*, allow_unregistered: bool = False) -> Context:
    """A new MLIR context in which StableHLO, CHLO, upstream's dialects and `pock` are loaded.

    Args:
        allow_unregistered: accept ops of unknown dialects (needed for IREE's own dialects).
    """
    context = Context()
    context.allow_unregistered_dialects = allow_unregistered
    with context:
        stablehlo_bindings.register_dialect(context)
        Pock.load()
    load_chlo(context)
    return context
