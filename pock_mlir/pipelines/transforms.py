"""The passes as transform ops: `pock_transform.<pass>`, with `_` for `-`, on a module or function.

Nothing is imported for a pass until an op of it is verified or applied, so loading is cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from pock_mlir.dialects import pock_transform
from pock_mlir.dialects.pock.dialect import VerificationError
from pock_mlir.ir import (
    Attribute,
    BoolAttr,
    Context,
    FloatAttr,
    IntegerAttr,
    Module,
    Operation,
    StringAttr,
)
from pock_mlir.passes import REGISTRY, ModulePass, PassError
from pock_mlir.pipelines.elements import PipelineError
from pock_mlir.pipelines.options import make_pass

Attributes = Mapping[str, Attribute]


def load_transform_ops(context: Context) -> None:
    """Let `context` parse and apply the transform op of every pass; repeating it is fine."""
    _declare_all()
    pock_transform.load(context)


@cache
def _declare_all() -> None:
    for name in REGISTRY:
        op = pock_transform.PassOp(
            summary=f"Apply the pass `{name}` to each module or function of the handle.",
            check=lambda attributes, name=name: _check(name, attributes),
            apply=lambda attributes, target, name=name: apply_to(_pass(name, attributes), target),
        )
        pock_transform.declare(name.replace("-", "_"), op)


def _pass(name: str, attributes: Attributes) -> ModulePass:
    return make_pass(name, {key: _text(key, attributes[key]) for key in attributes})


def _check(name: str, attributes: Attributes) -> None:
    try:
        _pass(name, attributes)
    except PipelineError as error:
        raise VerificationError(str(error)) from None


def _text(name: str, attribute: Attribute) -> str:
    """An attribute as the text of an option."""
    if isinstance(attribute, BoolAttr):
        return str(attribute.value).lower()
    if isinstance(attribute, StringAttr | IntegerAttr | FloatAttr):
        return str(attribute.value)
    raise PipelineError(f"option '{name}' must be a string, a number or a boolean, got {attribute}")


def apply_to(pass_: ModulePass, target: Operation) -> list[Operation]:
    """Run the pass on a module or a function alone; what stands in its place afterwards.

    Raises:
        TransformError: the pass failed, or cannot be applied there; diagnostics were emitted.
    """
    if target.name == "builtin.module":
        _run(pass_, target, [op for op in _children(target) if _is_payload(op)])
        return [target]
    parent = target.parent
    if target.name != "func.func" or parent is None or parent.name != "builtin.module":
        message = f"pass '{pass_.name}' applies to a module or a function of one"
        raise _failure([(target.location, f"{message}, not to '{target.name}'")])
    parent = parent.operation
    state = [op for op in _children(parent) if op.name == "pock.parameter"]
    made = _run(pass_, parent, [*state, target])
    return [op for op in made if op.name == "func.func"]


def _children(module: Operation) -> list[Operation]:
    return [op.operation for op in module.regions[0].blocks[0].operations]


def _is_payload(op: Operation) -> bool:
    """Whether a pass should see `op`; a schedule beside its payload is none of its business."""
    return not op.name.startswith("transform.")


def _run(pass_: ModulePass, parent: Operation, part: Sequence[Operation]) -> list[Operation]:
    """Run the pass on `part` of the module `parent`; what the part has become.

    The ops move into a module of their own and back, so handles to what the pass keeps stay valid.
    """
    with _moved(parent, part) as module:
        try:
            with module.context, module.operation.location:
                pass_.run(module)
        except PassError as error:
            raise _failure(error.problems) from error
        made = _children(module.operation)
        _check_symbols(parent, made)
    return made


@contextmanager
def _moved(parent: Operation, part: Sequence[Operation]) -> Iterator[Module]:
    """A module that holds `part` while inside; its ops stand in `parent` again afterwards."""
    children = _children(parent)
    moved = set(part)
    state_place = _follower(children, moved, part[0]) if part else None
    place = _follower(children, moved, part[-1]) if part else None
    module = Module.create(parent.location)
    _copy_attributes(parent, module.operation)
    for op in part:
        module.body.append(op)
    try:
        yield module
    finally:
        _copy_attributes(module.operation, parent)
        for op in _children(module.operation):
            before = state_place if op.name == "pock.parameter" else place
            if before is None:
                parent.regions[0].blocks[0].append(op)
            else:
                op.move_before(before)


def _follower(
    children: Sequence[Operation], moved: set[Operation], op: Operation
) -> Operation | None:
    """The first op after `op` that stays where it is."""
    later = children[children.index(op) + 1 :]
    return next((child for child in later if child not in moved), None)


def _copy_attributes(source: Operation, target: Operation) -> None:
    for name in [name for name in target.attributes if name not in source.attributes]:
        del target.attributes[name]
    for name in source.attributes:
        target.attributes[name] = source.attributes[name]


def _check_symbols(parent: Operation, made: Sequence[Operation]) -> None:
    """What the pass made must not be called like something that it did not see."""
    taken = {_symbol(op) for op in _children(parent)} - {None}
    problems = [
        (op.location, f"the module already has a symbol called '{_symbol(op)}'")
        for op in made
        if _symbol(op) in taken
    ]
    if problems:
        raise _failure(problems)


def _symbol(op: Operation) -> str | None:
    if "sym_name" not in op.attributes:
        return None
    return StringAttr(op.attributes["sym_name"]).value


def _failure(problems: Sequence[Any]) -> pock_transform.TransformError:
    """Emit each problem; the exception that stops the schedule."""
    for location, message, *_ in problems:
        location.emit_error(message)
    return pock_transform.TransformError()
