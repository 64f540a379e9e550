"""How passes ask a scheme about the parameters of a module."""

from __future__ import annotations

from pock_mlir.ir import Module
from pock_mlir.passes.base import PassError
from pock_mlir.rewriting import parameters
from pock_mlir.schemes import Scheme, SchemeError, Selection
from pock_mlir.schemes.selection import ALL


def resolve_scheme(module: Module, scheme: str) -> dict[str, Selection]:
    """What a scheme trains of each weight that the module declares, and all of each adapter.

    A selection's axis is a dimension of the *stored* tensor here. Since a scheme may look at all
    names (what is the last block?), a pass that makes a weight superfluous must keep its
    declaration for the passes after it.

    Args:
        module: a module with `pock.parameter` ops.
        scheme: the name of a built-in scheme, the path of a TOML file, or a TOML document.

    Raises:
        PassError: the scheme does not load or does not fit the module; at the module's location.
    """
    declared = parameters(module)
    weights = {name: op for name, op in declared.items() if op.kind.value == "weight"}
    # A scheme does not name the factors that its lora rules brought about.
    adapters = [name for name, op in declared.items() if op.kind.value == "adapter"]
    try:
        loaded = Scheme.load(scheme)
        selections = loaded.resolve(
            {name: op.framework_shape for name, op in weights.items()},
            {name: op.axes for name, op in weights.items()},
        )
    except SchemeError as error:
        location = module.operation.location
        raise PassError([(location, line) for line in str(error).splitlines()]) from error
    stored = {name: _stored(selections[name], op.layout) for name, op in weights.items()}
    return {**stored, **dict.fromkeys(adapters, ALL)}


def _stored(selection: Selection, layout: list[int]) -> Selection:
    """The selection with its framework axis as a dimension of the stored tensor."""
    if selection.kind != "slice":
        return selection
    return Selection("slice", layout.index(selection.axis), selection.runs)
