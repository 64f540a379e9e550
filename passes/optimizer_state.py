"""What the passes that put state beside a parameter share: names, declarations, the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.dialects.stablehlo import Builder, shape_of, type_of
from pock_mlir.ir import (
    F32Type,
    FlatSymbolRefAttr,
    InsertionPoint,
    Location,
    Module,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
    Value,
)
from pock_mlir.passes.base import PassError
from pock_mlir.rewriting import body, parameters

STEP = "optimizer.step"
"""The state that counts updates."""


@dataclass(frozen=True)
class State:
    """A piece of state of an update: the attribute that names it, its name, its shape."""

    attribute: str
    name: str
    shape: Sequence[int]


def suffixes(updates: Iterable[Any]) -> list[str]:
    """For each update what tells its state from that of its parameter's other slices."""
    listed = list(updates)
    slices = Counter(update.parameter.value for update in listed)
    seen: Counter[str] = Counter()
    found: list[str] = []
    for update in listed:
        parameter = update.parameter.value
        found.append(f".{seen[parameter]}" if slices[parameter] > 1 else "")
        seen[parameter] += 1
    return found


def declare(module: Module, wanted: Iterable[tuple[Any, Sequence[State]]]) -> None:
    """Declare the state of updates, of the type and layout of the parameter it belongs to.

    Raises:
        PassError: a name is taken; at every parameter that has one.
    """
    declared = parameters(module)
    listed = list(wanted)
    require_free(module, [state.name for _, states in listed for state in states])
    point = InsertionPoint.after(list(declared.values())[-1].operation)
    for update, states in listed:
        like = declared[update.parameter.value]
        element = type_of(update.gradient).element_type
        for state in states:
            _declare(point, state.name, RankedTensorType.get(list(state.shape), element), like)


def require_free(module: Module, names: Iterable[str]) -> None:
    """Raise PassError at the parameters that have one of the names."""
    declared = parameters(module)
    message = "the name of this parameter is wanted for the state of the optimizer"
    taken = sorted(set(names) & set(declared))
    if taken:
        raise PassError([(declared[name].location, message) for name in taken])


def _declare(
    point: InsertionPoint, name: str, type_: Type, like: ParameterOp | None = None
) -> None:
    attributes: dict[str, Any] = {
        "sym_name": StringAttr.get(name),
        "type": TypeAttr.get(type_),
        "kind": StringAttr.get("state"),
    }
    if like is not None and "layout" in like.attributes:
        attributes["layout"] = like.attributes["layout"]
    location = like.location if like is not None else Location.unknown()
    Builder(point, location).create("pock.parameter", [], [], attributes)


def count_updates(module: Module, function: Any) -> Value:
    """The number of this update, from 1; the count is declared, and goes on, if it does not yet."""
    declared = parameters(module)
    if STEP not in declared:
        point = InsertionPoint.after(list(declared.values())[-1].operation)
        _declare(point, STEP, RankedTensorType.get([], F32Type.get()))
    for op in body(function).operations:
        if op.operation.name == "pock.assign" and op.parameter.value == STEP:
            guarded = op.value.owner.name == "stablehlo.select"
            return op.value.owner.operands[1] if guarded else op.value
    b = Builder(InsertionPoint.at_block_begin(body(function)), function.location)
    step = FlatSymbolRefAttr.get(STEP)
    scalar = RankedTensorType.get([], F32Type.get())
    done = b.create("pock.read", [], [scalar], {"parameter": step}).results[0]
    this = b.add(done, b.ones_like(done))
    _assign_count(b, function, done, this)
    return this


def _assign_count(b: Builder, function: Any, done: Value, this: Value) -> None:
    """The count of the next step; an update that may be skipped counts where it is not."""
    ops = list(body(function).operations)
    guard = next((op.scale for op in ops if "guarded" in op.attributes), None)
    if guard is not None:
        b = Builder.before(ops[-1])
        this = b.select(b.compare("GT", guard, b.zeros_like(guard)), this, done)
    b.create("pock.assign", [this], [], {"parameter": FlatSymbolRefAttr.get(STEP)})


def state_shape(update: Any) -> list[int]:
    """The shape of what an update trains."""
    return shape_of(update.gradient)


def name_of(function: Any) -> str:
    """The name of a function."""
    return StringAttr(function.attributes["sym_name"]).value


def trainers(updates: Iterable[Any]) -> dict[str, Any]:
    """The functions that update, by name."""
    return {name_of(update.operation.parent): update.operation.parent for update in updates}
