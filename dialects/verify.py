"""What must hold across a module, beyond what each op can verify alone.

Reads and updates name a parameter of their module and fit its type; slices lie within it; within a
function no part of a parameter gets two new values; optimizer state has the shape of its slice and
belongs to one update.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pock_mlir.dialects.pock import ParameterOp
from pock_mlir.ir import (
    DenseI64ArrayAttr,
    FlatSymbolRefAttr,
    Location,
    Module,
    Operation,
    OpView,
    RankedTensorType,
    WalkOrder,
    WalkResult,
)

Note = tuple[Location, str]
Problem = tuple[Location, str] | tuple[Location, str, Note]

_STATES = {
    "pock.update": (),
    "pock.sgd": (),
    "pock.momentum": ("velocity",),
    "pock.adam": ("first_moment", "second_moment"),
    "pock.adamw": ("first_moment", "second_moment"),
    "pock.adafactor": ("variance", "row_variance", "column_variance"),
    "pock.lion": ("first_moment",),
}
"""Ops that train a slice of a parameter, with the attributes that name their state."""


class Slice(NamedTuple):
    """The part [offsets, offsets + sizes) of a parameter that `op` gives a new value."""

    op: Operation
    offsets: Sequence[int]
    sizes: Sequence[int]


def module_problems(module: Module | Operation | OpView) -> list[Problem]:
    """Every violation in `module` and in the modules inside it, each with its location."""
    body = module.body if isinstance(module, Module) else module.regions[0].blocks[0]
    parameters: dict[str, ParameterOp] = {}
    inner, others = [], []
    for op in body.operations:
        if isinstance(op, ParameterOp):
            parameters[op.sym_name.value] = op
        else:
            (inner if op.operation.name == "builtin.module" else others).append(op)
    problems = [problem for op in inner for problem in module_problems(op)]
    for op in others:
        problems += _function_problems(op, parameters)
    return problems


def _function_problems(function: OpView, parameters: dict[str, ParameterOp]) -> Iterator[Problem]:
    slices: dict[str, list[Slice]] = defaultdict(list)
    states: dict[str, Operation] = {}
    for op in _pock_ops(function):
        if op.name == "pock.parameter":
            yield op.location, "'pock.parameter' op must stand directly in a module"
        if "parameter" not in op.attributes:
            continue
        name = FlatSymbolRefAttr(op.attributes["parameter"]).value
        if name not in parameters:
            yield op.location, f"'{op.name}' op names '@{name}', which no pock.parameter declares"
            continue
        type_ = parameters[name].stored_type
        if op.name in _STATES:
            yield from _slice_problems(op, name, type_)
            yield from _state_problems(op, parameters, states)
            slices[name].append(Slice(op, *_bounds(op)))
        else:
            yield from _whole_problems(op, name, type_)
            kind = parameters[name].kind.value
            if op.name == "pock.accumulate" and kind != "state":
                what = f"'@{name}', which is of kind '{kind}', not 'state'"
                yield op.location, f"'{op.name}' op adds to {what}"
            if op.name in {"pock.assign", "pock.accumulate"}:
                slices[name].append(Slice(op, [0] * type_.rank, type_.shape))
    for name, parts in slices.items():
        yield from _overlaps(name, parts)


def _pock_ops(root: OpView) -> list[Operation]:
    found: list[Operation] = []

    def visit(op: Operation) -> WalkResult:
        if op.name.startswith("pock."):
            found.append(op)
        return WalkResult.SKIP if op.name == "builtin.module" else WalkResult.ADVANCE

    root.operation.walk(visit, WalkOrder.PRE_ORDER)
    return found


def _bounds(op: Any) -> tuple[list[int], list[int]]:
    return list(DenseI64ArrayAttr(op.attributes["offsets"])), list(
        DenseI64ArrayAttr(op.attributes["sizes"])
    )


def _whole_problems(op: Operation, name: str, type_: RankedTensorType) -> Iterator[Problem]:
    """A read or an assignment is about the whole parameter."""
    value = op.results[0] if op.results else op.operands[0]
    if value.type != type_:
        yield op.location, f"'{op.name}' op has {value.type}, but '@{name}' is {type_}"


def _slice_problems(op: Operation, name: str, type_: RankedTensorType) -> Iterator[Problem]:
    offsets, sizes = _bounds(op)
    gradient = RankedTensorType(op.operands[0].type)
    if gradient.element_type != type_.element_type:
        yield (
            op.location,
            (f"'{op.name}' op has a gradient of {gradient.element_type}, but '@{name}' is {type_}"),
        )
    if len(offsets) != type_.rank:
        yield op.location, f"'{op.name}' op has rank {len(offsets)}, but '@{name}' is {type_}"
    elif any(o + s > n for o, s, n in zip(offsets, sizes, type_.shape, strict=True)):
        yield (
            op.location,
            (
                f"'{op.name}' op covers offsets {offsets}, sizes {sizes},"
                f" which is outside of '@{name}', {type_}"
            ),
        )


def _state_problems(
    op: Operation, parameters: dict[str, ParameterOp], owners: dict[str, Operation]
) -> Iterator[Problem]:
    for role in (*_STATES[op.name], "accumulated"):
        if role not in op.attributes:
            continue
        sizes = _state_sizes(op, role)
        name = FlatSymbolRefAttr(op.attributes[role]).value
        state = parameters.get(name)
        if state is None:
            message = f"'@{name}', which no pock.parameter declares"
        elif state.kind.value != "state":
            message = f"'@{name}', which is of kind '{state.kind.value}', not 'state'"
        elif list(state.stored_type.shape) != sizes:
            message = f"'@{name}', which is {state.stored_type}, for a slice of sizes {sizes}"
        elif name in owners:
            message = f"'@{name}', which belongs to another update"
        else:
            owners[name] = op
            continue
        yield op.location, f"'{op.name}' op keeps {role} in {message}"


def _state_sizes(op: Operation, role: str) -> list[int]:
    """The shape of a piece of state: the slice's, but for the factors of a variance."""
    sizes = list(_bounds(op)[1])
    if role in {"row_variance", "column_variance"}:
        rows, columns = DenseI64ArrayAttr(op.attributes["factors"])
        sizes[columns if role == "row_variance" else rows] = 1
    return sizes


def _overlaps(name: str, parts: list[Slice]) -> Iterator[Problem]:
    """Pairs of overlapping slices, found by a sweep along the dimension that tells most apart."""
    rank = len(parts[0].offsets)
    parts = [part for part in parts if len(part.offsets) == rank]
    axis = max(range(rank), key=lambda i: len({p.offsets[i] for p in parts}), default=None)
    if axis is not None:
        parts = sorted(parts, key=lambda part: part.offsets[axis])
    for i, first in enumerate(parts):
        for second in parts[i + 1 :]:
            if axis is not None and second.offsets[axis] >= first.offsets[axis] + first.sizes[axis]:
                break
            if _intersect(first, second):
                message = f"'{second.op.name}' op gives a part of '@{name}' a second new value"
                yield second.op.location, message, (first.op.location, "the first is given here")


def _intersect(a: Slice, b: Slice) -> bool:
    return all(
        max(a.offsets[i], b.offsets[i]) < min(a.offsets[i] + a.sizes[i], b.offsets[i] + b.sizes[i])
        for i in range(len(a.offsets))
    )
