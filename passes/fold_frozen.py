"""fold-frozen: what depends on frozen parameters only is computed once, at compile time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pock_mlir.dialects.pock import ParameterOp, ReadOp
from pock_mlir.dialects.stablehlo import is_complex, shape_of
from pock_mlir.ir import (
    ArrayAttr,
    FlatSymbolRefAttr,
    FunctionType,
    InsertionPoint,
    Location,
    Module,
    Operation,
    StringAttr,
    Type,
    TypeAttr,
    Value,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.frozen import Frozen, frozen_parameters, symbol_of
from pock_mlir.rewriting import body, erase_dead_ops, functions, parameters

FOLD = "fold"


@dataclass(frozen=True)
class FoldFrozen(ModulePass):
    """Replaces expressions over frozen parameters by parameters of kind `folded`.

    Requires that the module has no `@fold` yet, but with `only`. Ensures that no op of a function
    depends on frozen parameters and constants only, but reads of `folded` parameters and ops that
    make something bigger of them (broadcasts), which are cheaper to repeat than to keep.
    The private function `@fold` computes the folded parameters, in the order of their declaration
    (and of its attribute `pock.folded`); whoever compiles the module runs it once and drops it.

        %w = pock.read @w            // frozen
        %0 = stablehlo.multiply %w, %scale
        %y = stablehlo.convolution(%x, %0)
      becomes
        pock.parameter @folded.w {kind = "folded"}
        func.func private @fold() -> tensor<...> { read @w; multiply; return }
        %0 = pock.read @folded.w
        %y = stablehlo.convolution(%x, %0)

    With `only=conversions`, parameters in another element type are folded, and an `@fold` computes
    them too: behind `mixed-precision`, frozen weights are kept in the narrow type. Likewise with
    `only=arrangements` what transposes parameters, or transforms them for Winograd's convolutions:
    behind `choose-kernels`, frozen weights are kept in panels, and in two kinds of them where
    forward and backward want different ones.
    """

    name: ClassVar[str] = "fold-frozen"
    scheme: str = field(
        default="",
        metadata={"help": "what is trained: a built-in scheme or a TOML file; empty: every weight"},
    )

    only: str = field(
        default="",
        metadata={
            "help": "of all that could be folded, only 'conversions' to another element type, or "
            "'arrangements' (transposed or transformed parameters)"
        },
    )

    def run(self, module: Module) -> None:
        if self.only not in _FIND:
            known = ", ".join(filter(None, _FIND))
            raise PassError.at(module.operation, f"only must be one of {known}, got '{self.only}'")
        for function in functions(module):
            if function.sym_name.value == FOLD and not self.only:
                raise PassError.at(function, "the module has a @fold already: run fold-frozen once")
        frozen = Frozen(frozen_parameters(module, self.scheme))
        called = [each for each in functions(module) if each.sym_name.value != FOLD]
        roots = _FIND[self.only](called, frozen)
        if not roots:
            return
        with module.context, module.operation.location:
            _outline(module, roots)
            erase_dead_ops(module)


# ---- what to fold ----------------------------------------------------------------------------


def _worthwhile(called: Sequence[Any], frozen: Frozen) -> list[Value]:
    """The values to fold, each once: frozen, used by something that stays, and worth it."""
    roots: dict[Value, None] = {}
    for function in called:
        for op in body(function).operations:
            if not any(result in frozen for result in op.operation.results):
                for operand in op.operation.operands:
                    _collect(operand, frozen, roots)
    return list(roots)


def _converted(called: Sequence[Any], frozen: Frozen) -> list[Value]:
    """Frozen parameters in another element type."""
    return [
        op.operation.results[0]
        for function in called
        for op in body(function).operations
        if op.operation.name == "stablehlo.convert"
        and op.operation.results[0] in frozen
        and op.operation.operands[0].owner.name == "pock.read"
    ]


def _arranged(called: Sequence[Any], frozen: Frozen) -> list[Value]:
    """Frozen parameters in every other arrangement that something reads."""
    return [
        value
        for function in called
        for op in body(function).operations
        if op.operation.name == "pock.read" and op.result in frozen
        for value, moved in _arrangements(op.result)
        if moved
    ]


MOVES = {
    "stablehlo.reshape": False,
    "stablehlo.transpose": True,
    "stablehlo.reverse": True,
    "pock.winograd_kernel": True,
}
"""Ops that arrange a tensor, and whether elements change places (or are combined for a product)."""


def _arrangements(value: Value, moved: bool = False) -> Iterator[tuple[Value, bool]]:
    """What `MOVES` make of `value` for other ops, and whether elements changed their places."""
    ends = False
    for use in value.uses:
        op = use.owner.operation
        if op.name in MOVES:
            yield from _arrangements(op.results[0], moved or MOVES[op.name])
        else:
            ends = True
    if ends:
        yield value, moved


def _collect(value: Value, frozen: Frozen, roots: dict[Value, None]) -> None:
    """Take `value`, or if that is not worth it, what it is made of."""
    if value not in frozen or value.owner.name in ("pock.read", "stablehlo.constant"):
        return
    read = _elements_read(value)
    if read and math.prod(shape_of(value)) <= read:
        roots[value] = None
        return
    for operand in value.owner.operands:
        _collect(operand, frozen, roots)


def _elements_read(value: Value) -> int:
    """Elements of all the parameters that a frozen value is computed from."""
    reads = [op for op in _expression([value]) if op.name == "pock.read"]
    return sum({symbol_of(op): math.prod(shape_of(op.result)) for op in reads}.values())


def _expression(values: Sequence[Value]) -> list[Any]:
    """The ops that compute frozen values, operands before users."""
    ops: dict[Any, None] = {}

    def visit(value: Value) -> None:
        op = value.owner.operation
        if op not in ops:
            for operand in op.operands:
                visit(operand)
            ops[op] = None

    for value in values:
        visit(value)
    return list(ops)


_FIND: dict[str, Callable[[Sequence[Any], Frozen], list[Value]]] = {
    "": _worthwhile,
    "conversions": _converted,
    "arrangements": _arranged,
}
"""What finds the values to fold, by the option `only`."""

# ---- outlining -------------------------------------------------------------------------------


def _outline(module: Module, roots: Sequence[Value]) -> None:
    fold, known = _fold_function(module)
    names: dict[str, str] = {}
    results: list[Value] = list(known.values())
    copied: dict[str, Value] = {}
    keys: list[str] = []
    taken, start = set(parameters(module)), InsertionPoint(functions(module)[0])
    for root in roots:
        key, value = _copy(root, fold, copied, known)
        keys.append(key)
        if key not in names:
            names[key] = _unused_name(root, taken)
            with root.owner.location, start:
                _declare(names[key], root.type)
            results.append(value)
    # Only now, since the expression of one may contain another.
    for root, key in zip(roots, keys, strict=True):
        _read_instead(root, names[key])
    with InsertionPoint(body(fold)):
        Operation.create("func.return", operands=results)
    fold.attributes["function_type"] = _function_type([value.type for value in results])
    fold.attributes["pock.folded"] = ArrayAttr.get(
        [FlatSymbolRefAttr.get(name) for name in [*known, *names.values()]]
    )


def _function_type(results: Sequence[Type]) -> TypeAttr:
    return TypeAttr.get(FunctionType.get([], list(results)))


def _fold_function(module: Module) -> tuple[Any, dict[str, Value]]:
    """`@fold` without its return, and what it computes by the name of the folded parameter."""
    for function in functions(module):
        if function.sym_name.value == FOLD:
            ops = body(function).operations
            end = ops[len(ops) - 1].operation
            symbols = ArrayAttr(function.attributes["pock.folded"])
            names = [FlatSymbolRefAttr(symbol).value for symbol in symbols]
            known = dict(zip(names, list(end.operands), strict=True))
            end.erase()
            return function.operation, known
    return _new_fold(module), {}


def _new_fold(module: Module) -> Any:
    function = Operation.create(
        "func.func",
        attributes={
            "sym_name": StringAttr.get(FOLD),
            "sym_visibility": StringAttr.get("private"),
            "function_type": _function_type([]),
        },
        regions=1,
        ip=InsertionPoint(module.body),
    )
    function.regions[0].blocks.append()
    return function


def _copy(
    root: Value, fold: Any, copied: dict[str, Value], known: dict[str, Value]
) -> tuple[str, Value]:
    """Copy an expression into @fold, unless there is an equal one; its key and its value.

    `known` has the values of folded parameters, which @fold cannot read.
    """
    keys: dict[Value, str] = {}
    for op in _expression([root]):
        operands = [keys[operand] for operand in op.operands]
        key = f"{_describe(op)}({', '.join(operands)})"
        if op.name == "pock.read" and symbol_of(op) in known:
            copied[key] = known[symbol_of(op)]
        if key not in copied:
            copy = op.clone(ip=InsertionPoint(body(fold)))
            for i, operand in enumerate(operands):
                copy.operands[i] = copied[operand]
            copied[key] = copy.results[0]
        keys[op.results[0]] = key
    return keys[root], copied[keys[root]]


def _describe(op: Any) -> str:
    """Everything about an op but its operands."""
    if is_complex(op.results[0]) and not len(op.operands):
        # The bindings have no class for the attribute of a complex constant.
        return str(op.operation).partition(" = ")[2]
    attributes = ", ".join(f"{name}={op.attributes[name]}" for name in op.attributes)
    regions = "".join(str(block) for region in op.regions for block in region)
    return f"{op.name}[{attributes}]{regions}:{op.results[0].type}"


def _unused_name(root: Value, taken: set[str]) -> str:
    """A name for a folded parameter, after the layer that the value belongs to."""
    stem = f"folded.{_layer(root.owner.location) or 'value'}"
    name, number = stem, 1
    while name in taken:
        name, number = f"{stem}.{number}", number + 1
    taken.add(name)
    return name


def _declare(name: str, type_: Type) -> None:
    ParameterOp(
        sym_name=StringAttr.get(name), type=TypeAttr.get(type_), kind=StringAttr.get("folded")
    )


def _layer(location: Location) -> str:
    """The first name in a location, "" when there is none."""
    match = re.search(r'loc\("([^":]+)"(?!:)', str(location))
    return match[1] if match else ""


def _read_instead(root: Value, name: str) -> None:
    with root.owner.location, InsertionPoint(root.owner):
        read = ReadOp(value=root.type, parameter=FlatSymbolRefAttr.get(name))
    root.replace_all_uses_with(read.value)
