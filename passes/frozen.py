"""Which values of a module no training step can change."""

from __future__ import annotations

from typing import Any

from pock_mlir.ir import BlockArgument, FlatSymbolRefAttr, Module, Value
from pock_mlir.passes.selection import resolve_scheme
from pock_mlir.rewriting import named_ops, parameters

_CONSTANTS = ("stablehlo.constant", "arith.constant", "stablehlo.iota")
_PURE = ("stablehlo.", "chlo.", "pock.winograd_kernel")
_IMPURE = ("stablehlo.rng", "stablehlo.rng_bit_generator", "stablehlo.custom_call")


def frozen_parameters(module: Module, scheme: str) -> set[str]:
    """The parameters that keep their value: buffers that nothing assigns, and what is frozen.

    Args:
        module: a module with `pock.parameter` ops.
        scheme: a built-in scheme or the path of a TOML file; "" trains every weight.

    Raises:
        PassError: the scheme does not load or does not fit the module.
    """
    selections = resolve_scheme(module, scheme) if scheme else {}
    written = {symbol_of(op) for op in named_ops(module, "pock.assign", "pock.update")}
    frozen = {
        name
        for name, op in parameters(module).items()
        if op.kind.value in ("buffer", "folded")
        or (name in selections and not selections[name].trains)
    }
    return frozen - written


def symbol_of(op: Any) -> str:
    """The parameter that a `pock` op is about."""
    return FlatSymbolRefAttr(op.attributes["parameter"]).value


class Frozen:
    """Tells frozen values: constants, reads of frozen parameters, and what is computed of them."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self._known: dict[Value, bool] = {}

    def __contains__(self, value: Value) -> bool:
        if value not in self._known:
            self._known[value] = self._is_frozen(value)
        return self._known[value]

    def _is_frozen(self, value: Value) -> bool:
        if isinstance(value, BlockArgument):
            return False
        op: Any = value.owner
        if op.name == "pock.read":
            return symbol_of(op) in self.names
        if op.name in _CONSTANTS:
            return True
        if not op.name.startswith(_PURE) or op.name in _IMPURE:
            return False
        # Ops are visited in order, so the recursion rarely goes deeper than one level.
        plain = op.name in ("stablehlo.reduce", "stablehlo.reduce_window") or not len(op.regions)
        return plain and len(op.operands) > 0 and all(operand in self for operand in op.operands)
