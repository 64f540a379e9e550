"""`pock-to-iree`: state becomes globals of an IREE module, updates happen in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.backends.iree.arrangement import separate_arrangements
from pock_mlir.backends.iree.contraction import forget_tiles, lower_tiled
from pock_mlir.backends.iree.depthwise import lower_depthwise
from pock_mlir.backends.iree.dispatch import Binding, update_in_place
from pock_mlir.backends.iree.epilogues import lower_epilogues
from pock_mlir.backends.iree.gradients import GradientSource, gradient_sources
from pock_mlir.backends.iree.kept import lower_kept
from pock_mlir.backends.iree.queues import DEVICE
from pock_mlir.backends.iree.sums import lower_sums
from pock_mlir.backends.iree.winograd import WINOGRAD, lower_winograd
from pock_mlir.dialects.pock import AssignOp, ParameterOp, ReadOp
from pock_mlir.dialects.stablehlo import Builder, shape_of
from pock_mlir.ir import (
    Attribute,
    FlatSymbolRefAttr,
    FunctionType,
    InsertionPoint,
    Location,
    Module,
    Operation,
    RankedTensorType,
    StringAttr,
    Type,
    TypeAttr,
    UnitAttr,
    Value,
    WalkResult,
)
from pock_mlir.passes.base import ModulePass, PassError
from pock_mlir.passes.liveness import BARRIER
from pock_mlir.passes.update_arithmetic import Prepared
from pock_mlir.passes.update_rules import (
    UPDATE_RULES,
    UpdateRule,
    rule_of,
    slice_of,
    written_names,
)
from pock_mlir.rewriting import body, erase_dead_ops, functions, parameters

SCOPE = "model"
"""The scope under which the runtime provides parameters."""


_COPY = UpdateRule(
    ("parameter",), lambda b, op, current: Prepared([]), lambda a, op, new, parts, states: [new]
)
"""Not an optimizer: the new state is the value itself."""


@dataclass(frozen=True)
class PockToIree(ModulePass):
    """Turn parameters into IREE globals and optimizer ops into dispatches that update them.

    Requires: every update has an optimizer (`apply-optimizer`), backward ops are lowered
    (`lower-pock`, but for depthwise convolutions'); what is not is an error. Ensures: no op of the
    `pock` dialect is left; `@read_state` returns, and `@write_state` replaces, all that a step
    changes, in the order of `mutable_parameters`. The result holds ops of IREE's dialects in
    generic form, so parsing it back needs `--allow-unregistered-dialect`.

        "pock.sgd"(%g, %lr) {parameter = @w, ...}
    becomes
        %w = "util.global.load"() {global = @w} : () -> tensor<8x16xf32>
        %new = "flow.dispatch.workgroups"(%x, %dy, %lr, %w) {tied_operands = [3 : index], ...}
        "util.global.store"(%new) {global = @w} : (tensor<8x16xf32>) -> ()
    """

    name = "pock-to-iree"
    in_place: bool = field(
        default=True,
        metadata={
            "help": "store new state where the old was; if not, a step returns it behind its "
            "results and leaves the globals as they are"
        },
    )
    tiles: bool = field(
        default=True,
        metadata={
            "help": "give contractions the tiles that choose-kernels chose, and kept values kernels"
        },
    )
    vector_width: int = field(
        default=8,
        metadata={
            "help": "numbers in a vector of the kernels of depthwise convolutions and Winograd's; "
            "0: IREE's own loops"
        },
    )

    def run(self, module: Module) -> None:
        """Convert the whole module."""
        module.context.allow_unregistered_dialects = True
        width = self.vector_width if self.tiles else 0
        lower_depthwise(module, width)
        _require_lowered(module)
        if not self.tiles:
            forget_tiles(module)
        written = mutable_parameters(module)
        types = {name: op.stored_type for name, op in parameters(module).items()}
        for function in functions(module):
            state = _convert_function(function.operation, types)
            if self.in_place:
                state.store()
            else:
                state.add_results(function, written)
        erase_dead_ops(module)
        if self.tiles:
            lower_epilogues(module)
            lower_kept(module)
        lower_winograd(module, width)
        separate_arrangements(module)
        lower_sums(module)
        lower_tiled(module)
        for name, op in parameters(module).items():
            _convert_parameter(op, name in written)
        _add_state_access(module, {name: types[name] for name in written})


_MISSING = {"pock.update": "has no optimizer: run apply-optimizer first"}
_CONVERTED = {"pock.parameter", "pock.read", "pock.assign", *WINOGRAD, *UPDATE_RULES}


def _require_lowered(module: Module) -> None:
    problems: list[tuple[Location, str]] = []

    def check(op: Operation) -> WalkResult:
        if op.name.startswith("pock.") and op.name not in _CONVERTED:
            problem = _MISSING.get(op.name, "has no form in IREE: run lower-pock first")
            problems.append((op.location, f"'{op.name}' {problem}"))
        return WalkResult.ADVANCE

    module.operation.walk(check)
    if problems:
        raise PassError(problems)


def mutable_parameters(module: Module) -> list[str]:
    """Names of the parameters that some function of `module` writes, in declaration order."""
    written: set[str] = set()
    for function in functions(module):
        for op in body(function).operations:
            if isinstance(op, AssignOp):
                written.add(op.parameter.value)
            elif op.operation.name in UPDATE_RULES:
                written |= written_names(op)
    return [name for name in parameters(module) if name in written]


def _convert_parameter(op: ParameterOp, mutable: bool) -> None:
    name = op.sym_name.value
    attributes: dict[str, Attribute] = {
        "sym_name": op.sym_name,
        "sym_visibility": StringAttr.get("private"),
        "type": TypeAttr.get(op.stored_type),
        "initial_value": Attribute.parse(
            f'#flow.parameter.named<"{SCOPE}"::"{name}"> : {op.stored_type}'
        ),
    }
    if mutable:
        attributes["is_mutable"] = UnitAttr.get()
    Builder.before(op).create("util.global", [], [], attributes)
    op.operation.erase()


class _State:
    """The globals of a function: each is loaded once, at the function's start."""

    def __init__(self, function: Operation) -> None:
        self._block = body(function)
        self._initial: dict[str, Value] = {}
        self._current: dict[str, Value] = {}

    def read(self, name: str, type_: Type, location: Location) -> Value:
        """The value at the start of the step."""
        if name not in self._initial:
            b = Builder(InsertionPoint.at_block_begin(self._block), location)
            symbol = {"global": FlatSymbolRefAttr.get(name)}
            self._initial[name] = b.create("util.global.load", [], [type_], symbol).results[0]
        return self._initial[name]

    def current(self, name: str, type_: Type, location: Location) -> Value:
        """The value after the updates so far; slices of a parameter are updated one by one."""
        return self._current.get(name) or self.read(name, type_, location)

    def write(self, name: str, value: Value) -> None:
        """Make `value` the value of the next step."""
        self._current[name] = value

    def store(self) -> None:
        """Store what was written, at the function's end."""
        b = Builder.before(list(self._block.operations)[-1])
        for name, value in self._current.items():
            _store(b, name, value)

    def add_results(self, function: Any, order: Sequence[str]) -> None:
        """Return what was written, in the order of the names, behind the function's results."""
        end = list(self._block.operations)[-1].operation
        new = [self._current[name] for name in order if name in self._current]
        type_ = FunctionType(TypeAttr(function.attributes["function_type"]).value)
        results = [*type_.results, *(value.type for value in new)]
        function.attributes["function_type"] = TypeAttr.get(FunctionType.get(type_.inputs, results))
        if "res_attrs" in function.attributes:
            del function.attributes["res_attrs"]
        Builder.before(end).create("func.return", [*end.operands, *new], [])
        end.erase()


def _store(b: Builder, name: str, value: Value) -> None:
    b.create("util.global.store", [value], [], {"global": FlatSymbolRefAttr.get(name)})


def _convert_function(function: Operation, types: dict[str, RankedTensorType]) -> _State:
    if "arg_attrs" in function.attributes:
        del function.attributes["arg_attrs"]
    if "no_inline" in function.attributes:
        function.attributes["noinline"] = UnitAttr.get()  # IREE's inliner asks for this one
        # Else its arguments could come from any device, and would be copied.
        function.attributes["stream.affinity"] = Attribute.parse(DEVICE)
    state = _State(function)
    _drop_barriers(function)
    for op in list(body(function).operations):
        if isinstance(op, ReadOp):
            value = state.read(op.parameter.value, op.value.type, op.location)
            op.value.replace_all_uses_with(value)
        elif isinstance(op, AssignOp):
            if types[op.parameter.value].rank == 0:
                # A counter is read by kernels of any place; before them, IREE would copy it.
                op.operation.move_before(list(body(function).operations)[-1].operation)
            _convert_assignment(op, state, types)
        elif op.operation.name in UPDATE_RULES:
            _convert_update(op, state, types)
        else:
            continue
        op.operation.erase()
    return state


def _drop_barriers(function: Operation) -> None:
    """They kept apart what is computed twice; IREE would split the step in two there."""
    for op in list(body(function).operations):
        if op.operation.name == BARRIER:
            for result, operand in zip(op.operation.results, op.operation.operands, strict=True):
                result.replace_all_uses_with(operand)
            op.operation.erase()


def _convert_assignment(op: AssignOp, state: _State, types: dict[str, RankedTensorType]) -> None:
    """Copy the value into the parameter's own memory."""
    name = op.parameter.value
    _copy(Builder.before(op), name, op.value, state, types)


def _copy(
    b: Builder, name: str, value: Value, state: _State, types: dict[str, RankedTensorType]
) -> None:
    old = state.current(name, types[name], b.location)
    source = GradientSource.of_value(value)
    whole = Binding(old, source.offsets, source.sizes, source.shape, written=True)
    (new,) = update_in_place(b, None, _COPY, source, [], [whole])
    state.write(name, new)


def _convert_update(op: Any, state: _State, types: dict[str, RankedTensorType]) -> None:
    """One dispatch for each part of the gradient, on the memory of the weight and its state."""
    b, rule = Builder.before(op), rule_of(op)
    weight, *others = rule.state_names(op)
    begin, sizes = slice_of(op)

    def current(attribute: str) -> Value:
        name = FlatSymbolRefAttr(op.attributes[attribute]).value
        value = state.current(name, types[name], op.location)
        if attribute != "parameter":
            return value
        return b.slice(value, begin, [i + n for i, n in zip(begin, sizes, strict=True)])

    prepared = rule.prepare(b, op, current)
    for attribute, value in prepared.assigned.items():
        _copy(b, FlatSymbolRefAttr(op.attributes[attribute]).value, value, state, types)
    old = {state.current(name, types[name], op.location) for name in (weight, *others)}
    sources = gradient_sources(op, list(types[weight].shape), old)
    for source in sources if rule.reads_gradient else [GradientSource.of_state(sizes)]:
        placed = [start + offset for start, offset in zip(begin, source.offsets, strict=True)]
        bindings = [
            _binding(
                b,
                state.current(name, types[name], op.location),
                source,
                placed if name == weight else source.offsets,
            )
            for name in (weight, *others)
        ]
        results = update_in_place(b, op, rule, source, prepared.parts, bindings)
        for name, result in zip((weight, *others), results, strict=True):
            state.write(name, b.reshape(result, types[name].shape))
    for total in op.operation.results:  # of pock.accumulate
        total.replace_all_uses_with(state.current(weight, types[weight], op.location))


def _binding(b: Builder, value: Value, source: GradientSource, offsets: Sequence[int]) -> Binding:
    """Where a part of a gradient goes in a state, which the kernel sees in panels like the part."""
    sizes, panel = source.sizes, source.panel
    if panel:
        *rows, columns = shape_of(value)
        value = b.reshape(value, [*rows, columns // panel, panel])
        offsets = [*offsets[:-1], offsets[-1] // panel, 0]
        sizes = [*sizes[:-1], sizes[-1] // panel, panel]
    return Binding(value, offsets, sizes, source.shape, written=True)


def _add_state_access(module: Module, written: dict[str, RankedTensorType]) -> None:
    if not written:
        return
    b = Builder(InsertionPoint(module.body), Location.name("state"))
    read = _function(b, "read_state", [], list(written.values()))
    inner = Builder(InsertionPoint(read), b.location)
    values = [
        inner.create("util.global.load", [], [type_], {"global": FlatSymbolRefAttr.get(name)})
        for name, type_ in written.items()
    ]
    inner.create("func.return", [value.results[0] for value in values], [])
    _add_write_state(b, written)


def _add_write_state(b: Builder, written: dict[str, RankedTensorType]) -> None:
    """Copy the arguments into the globals' own storage.

    A plain store could alias the caller's buffers. The function returns one element of what it
    wrote: IREE runs a function without results behind the caller's back, who may by then have
    freed the arguments.
    """
    types = list(written.values())
    element = RankedTensorType.get([1] * types[-1].rank, types[-1].element_type)
    write = _function(b, "write_state", types, [element])
    inner = Builder(InsertionPoint(write), b.location)
    new = None
    for (name, type_), argument in zip(written.items(), write.arguments, strict=True):
        old = inner.create("util.global.load", [], [type_], {"global": FlatSymbolRefAttr.get(name)})
        source = GradientSource.of_value(argument)
        whole = Binding(old.results[0], source.offsets, source.sizes, source.shape, written=True)
        (new,) = update_in_place(inner, None, _COPY, source, [], [whole])
        _store(inner, name, new)
    assert new is not None
    token = inner.slice(new, [0] * element.rank, [1] * element.rank)
    inner.create("func.return", [token], [])


def _function(b: Builder, name: str, inputs: Sequence[Type], results: Sequence[Type]) -> Any:
    function = b.create(
        "func.func",
        [],
        [],
        {
            "sym_name": StringAttr.get(name),
            "function_type": TypeAttr.get(FunctionType.get(list(inputs), list(results))),
        },
        regions=1,
    )
    return function.regions[0].blocks.append(*inputs, arg_locs=[b.location] * len(inputs))
