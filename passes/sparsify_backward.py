"""`sparsify-backward`: keep of the backward graph what an update scheme trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.stablehlo import Builder, i64s, shape_of
from pock_mlir.ir import Module
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.dead_code import erase_dead_code
from pock_mlir.passes.selection import resolve_scheme
from pock_mlir.rewriting import named_ops
from pock_mlir.schemes import Selection


@dataclass(frozen=True)
class SparsifyBackward(ModulePass):
    """Erase the updates of what the scheme freezes, narrow those of what it trains in part.

    Requires: every `pock.update` covers its whole parameter (as `differentiate` leaves them).
    Ensures: one update for each contiguous run of trained indices, and no op that only updates of
    frozen parts needed: updates are the roots of the backward graph, so what they leave is dead.
    Of a weight that is trained with lora the factors' updates stay (`add-lora` has declared them).
    A scheme names framework dimensions; a parameter's `layout` maps them to the stored ones.
    It is an error when no update is left, since the step would train nothing.

        "pock.update"(%g) {parameter = @w, offsets = 0, 0, sizes = 8, 16}
        "pock.update"(%h) {parameter = @v, ...}
    becomes, when the scheme trains rows 2..3 of @w and freezes @v,
        %0 = stablehlo.slice %g [2:4, 0:16]
        "pock.update"(%0) {parameter = @w, offsets = 2, 0, sizes = 2, 16}
    """

    name = "sparsify-backward"
    scheme: str = field(
        default="full", metadata={"help": "a built-in scheme's name, or the path of a TOML file"}
    )

    def run(self, module: Module) -> None:
        selections = resolve_scheme(module, self.scheme)
        updates = list(named_ops(module, "pock.update"))
        _check(updates, selections)
        for update in updates:
            _narrow(update, selections[update.parameter.value])
        if updates and not list(named_ops(module, "pock.update")):
            message = f"scheme '{self.scheme}' trains nothing that the loss depends on"
            raise PassError.at(module.operation, message)
        erase_dead_code(module)


def _check(updates: list[Any], selections: dict[str, Selection]) -> None:
    problems: list[tuple[Any, str]] = []
    seen: set[str] = set()
    for update in updates:
        name = update.parameter.value
        if name not in selections:
            problems.append((update.location, f"no weight @{name} is declared"))
        elif any(update.offsets) or name in seen:
            problems.append((update.location, f"the update of @{name} is narrowed already"))
        seen.add(name)
    if problems:
        raise PassError(problems)


def _narrow(update: Any, selection: Selection) -> None:
    """Put in the place of an update one for each run of the selection."""
    if selection.kind == "all":
        return
    b = Builder.before(update)
    for start, stop in selection.runs:
        first, last = [0] * len(update.sizes), shape_of(update.gradient)
        first[selection.axis], last[selection.axis] = start, stop
        piece = b.slice(update.gradient, first, last)
        b.create(
            "pock.update",
            [piece],
            [],
            {
                "parameter": update.parameter,
                "offsets": i64s(first),
                "sizes": i64s(shape_of(piece)),
            },
        )
    update.operation.erase()
