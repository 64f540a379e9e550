"""Predict the memory of a step from its dispatches, by the live ranges of their tensors.

The prediction reads the order and the operands of dispatches only; IREE's own allocations, which a
test holds it against, are decided later and by other means.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pock_mlir.backends.iree.compiler import CompiledModule, function_body
from pock_mlir.backends.iree.queues import called_texts

ALIGNMENT = 64
"""Bytes to which IREE rounds the size of every buffer up."""

_BITS = {"i1": 8, "i8": 8, "i16": 16, "f16": 16, "bf16": 16, "i64": 64, "f64": 64, "index": 64}
_LOOPS = ("scf.for", "scf.while")
_DEFINES = {
    "hal.tensor.import": "input",
    "util.global.load": "weight",
    "scf.if": "transient",
    "util.call": "transient",
}
_BECOMES = {"hal.tensor.export": "result", "util.global.store": "new weight"}


@dataclass(frozen=True)
class StepMemory:
    """Bytes that one step needs.

    Attributes:
        transient: bytes of the allocation for intermediate values.
        results: bytes of what the step returns.
        inputs: bytes of the batch and the other arguments.
        weights: bytes of parameters the step reads or writes, optimizer state included.
        new_weights: bytes of parameters that are not updated in place.
    """

    transient: int
    results: int
    inputs: int
    weights: int
    new_weights: int

    @property
    def peak(self) -> int:
        """All of it together."""
        return self.transient + self.results + self.inputs + self.weights + self.new_weights


def predict_memory(module: CompiledModule, function: str) -> StepMemory:
    """The memory that `function` of `module` needs, and what it calls, all at the same time.

    Raises:
        CompilationError: the module has no such function.
    """
    text = function_body(module.flow, function)
    own, *calls = map(_Ranges.of, [text, *called_texts(module.flow, text)])
    memory = own.memory()
    weights = {name: size for each in (own, *calls) for name, size in each.weights.items()}
    transient = memory.transient + sum(each.memory().transient for each in calls)
    return replace(memory, transient=transient, weights=sum(weights.values()))


@dataclass(frozen=True)
class _Statement:
    op: str
    results: list[str]
    operands: list[str]
    types: list[str]  # of the results; a tied result has its operand's name instead
    symbol: str = ""
    depth: int = 0  # how many loops and branches it stands in
    carried: tuple[tuple[str, str], ...] = ()  # of a loop: arguments and what they start from


def _statements(body: str) -> Iterator[_Statement]:
    depth = 0
    for line in body.splitlines()[1:]:
        outer, depth = depth, depth + line.count("{") - line.count("}")
        match = re.match(r"\s*(?:([%\w.$:#, -]+?) = )?([a-z][\w.]+)\b(.*)$", line)
        if match is None:
            continue
        results, op, rest = match.groups()
        carried = _carried(op, rest)
        signature = re.sub(r"\)\s+: \w+ \{$", ")", rest).rsplit(" : ", 1)[-1]
        operands = re.findall(r"%[\w.$-]+(?:#\d+)?", rest.removesuffix(signature))
        symbol = re.search(r"@([\w.$\"-]+)", rest)
        produced = signature.rsplit("->", 1)[-1]
        types = re.findall(r"tensor<[^<>]*>|%[\w.$-]+(?:#\d+)?", produced)
        yield _Statement(
            op,
            _names(results or ""),
            operands,
            types,
            symbol[1] if symbol else "",
            outer,
            carried,
        )


def _carried(op: str, rest: str) -> tuple[tuple[str, str], ...]:
    """What the body of a loop calls the values that it carries, and their first values."""
    if op not in _LOOPS:
        return ()
    listed = rest.partition("iter_args")[2] if op == "scf.for" else rest
    return tuple(re.findall(r"(%[\w.$-]+) = (%[\w.$#-]+)", listed.partition("->")[0]))


def _names(results: str) -> list[str]:
    """`%5:2` names the values `%5#0` and `%5#1`."""
    names = []
    for part in filter(None, (each.strip() for each in results.split(","))):
        name, _, count = part.partition(":")
        names += [f"{name}#{i}" for i in range(int(count))] if count else [name]
    return names


def _tensor_bytes(text: str) -> int:
    *dims, element = text.removeprefix("tensor<").rstrip(">").split("x")
    size = math.prod(int(dim) for dim in dims) * _BITS.get(element, 32) // 8
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True, order=True)
class LiveRange:
    """A buffer of `size` bytes that is needed from the dispatch `born` to the dispatch `dies`."""

    born: int
    dies: int
    size: int


def best_fit(ranges: Iterable[LiveRange]) -> int:
    """Bytes of one allocation that holds all buffers, each in the smallest gap that it fits into.

    This is how IREE lays out the transient memory of a function; the gaps make it a few percent
    more than the most bytes alive at once.
    """
    placed: list[tuple[int, LiveRange]] = []
    top = 0
    for new in sorted(ranges):
        alive = [(at, old) for at, old in placed if old.dies >= new.born and new.dies >= old.born]
        offset = _best_offset(new.size, sorted(alive))
        placed.append((offset, new))
        top = max(top, offset + new.size)
    return top


def _best_offset(size: int, alive: Iterable[tuple[int, LiveRange]]) -> int:
    """Where the smallest gap between the buffers begins, or where they end."""
    gaps: list[tuple[int, int]] = []
    end = 0
    for start, buffer in alive:
        if size <= start - end:
            gaps.append((start - end, end))
        end = max(end, start + buffer.size)
    return min(gaps)[1] if gaps else end


def _distinct(statements: Iterable[_Statement]) -> Iterator[_Statement]:
    """The same with distinct names: the bodies of two loops may use one name each."""
    current: dict[str, str] = {}

    def define(name: str) -> str:
        current[name] = f"{current[name]}'" if name in current else name
        return current[name]

    def read(name: str) -> str:
        return current.get(name, name)

    for s in statements:
        operands, types = [read(name) for name in s.operands], [read(name) for name in s.types]
        carried = tuple((define(argument), read(initial)) for argument, initial in s.carried)
        results = [define(name) for name in s.results]
        yield replace(s, results=results, operands=operands, types=types, carried=carried)


def _loop_ends(statements: list[_Statement]) -> dict[int, int]:
    """When each loop's last statement runs."""
    ends: dict[int, int] = {}
    for time, statement in enumerate(statements):
        if statement.op in _LOOPS:
            inside = (i for i, s in enumerate(statements[time + 1 :]) if s.depth <= statement.depth)
            ends[time] = time + next(inside, len(statements) - time - 1)
    return ends


class _Ranges:
    """Live ranges of the buffers behind the values of a function.

    Attributes:
        weights: bytes of the parameters that it reads or writes, by their symbols.
    """

    @classmethod
    def of(cls, body: str) -> _Ranges:
        """From the text of a function."""
        return cls(list(_distinct(_statements(body))))

    def __init__(self, statements: list[_Statement]) -> None:
        self._last_use = {
            operand: time
            for time, statement in enumerate(statements)
            for operand in statement.operands
        }
        self._ends = _loop_ends(statements)
        self._carried: set[str] = set()
        self._splats: dict[str, int] = {}  # bytes; IREE fills a new buffer for every use
        self._buffer: dict[str, str] = {}
        self._bytes: dict[str, int] = {}
        self._born: dict[str, int] = {}
        self._dies: dict[str, int] = {}
        self._kinds: dict[str, str] = {}
        self.weights: dict[str, int] = {}
        for time, statement in enumerate(statements):
            self._visit(time, statement)

    def memory(self) -> StepMemory:
        """What the live ranges add up to."""
        totals = Counter[str]()
        ranges: list[LiveRange] = []
        for buffer, size in self._bytes.items():
            kind = self._kinds[buffer]
            if kind == "transient":
                ranges.append(LiveRange(self._born[buffer], self._dies[buffer], size))
            else:
                totals[kind] += size
        return StepMemory(
            best_fit(ranges),
            totals["result"],
            totals["input"],
            sum(self.weights.values()),
            totals["new weight"],
        )

    def _visit(self, time: int, statement: _Statement) -> None:
        for operand in statement.operands:
            if operand in self._buffer:
                self._dies[self._buffer[operand]] = time
        if statement.op in {"flow.tensor.reshape", "flow.tensor.bitcast"}:
            self._alias(statement.results[0], statement.operands[0])
        elif statement.op in {"flow.tensor.splat", "flow.tensor.empty"}:
            self._splats[statement.results[0]] = _tensor_bytes(statement.types[0])
        elif statement.op == "util.return":
            for operand in statement.operands:
                self._become(operand, "the caller's")
        elif statement.op in _BECOMES:
            self._become(statement.operands[0], _BECOMES[statement.op])
        elif statement.op in _LOOPS:
            self._enter_loop(time, statement)
        elif statement.op in _DEFINES or statement.op.startswith("flow."):
            self._define(time, statement, _DEFINES.get(statement.op, "transient"))

    def _enter_loop(self, time: int, statement: _Statement) -> None:
        """Define what a loop carries: IREE keeps what it starts from; each trip makes a copy."""
        end, types = self._ends[time], statement.types
        for (argument, initial), result, type_ in zip(
            statement.carried, statement.results, types, strict=True
        ):
            if initial in self._buffer:
                self._dies[self._buffer[initial]] = end
            else:  # a constant: a buffer is filled with it
                self._hold(f"{initial} of {argument}", time, end, type_)
            self._hold(result, time, end, type_)
            self._buffer[argument] = result
            self._carried.add(argument)

    def _hold(self, name: str, born: int, dies: int, type_: str) -> None:
        self._buffer[name], self._bytes[name] = name, _tensor_bytes(type_)
        self._born[name], self._dies[name], self._kinds[name] = born, dies, "transient"

    def _alias(self, new: str, old: str) -> None:
        """Another name of a value; that of a constant has no buffer, it is in the program."""
        if old in self._buffer:
            self._buffer[new] = self._buffer[old]

    def _define(self, time: int, statement: _Statement, kind: str) -> None:
        for name, type_ in zip(statement.results, statement.types, strict=False):
            buffer = self._buffer.get(type_)
            tied = buffer is not None and self._last_use[type_] == time
            if buffer is not None and tied and type_ not in self._carried:
                self._buffer[name] = buffer  # tied: the result lies where the operand lay
                continue
            self._buffer[name] = name
            self._bytes[name] = self._size(type_)
            self._born[name] = self._dies[name] = time
            self._kinds[name] = kind
            if kind == "weight":
                self.weights[statement.symbol] = self._bytes[name]

    def _size(self, type_: str) -> int:
        """Bytes of a result that gets a buffer: by its type, or by the operand it is tied to."""
        if type_ in self._splats:
            return self._splats[type_]
        return self._bytes[self._buffer[type_]] if type_ in self._buffer else _tensor_bytes(type_)

    def _become(self, name: str, kind: str) -> None:
        buffer = self._buffer.get(name)
        if buffer is None:
            return
        if self._kinds[buffer] == "transient":
            self._kinds[buffer] = kind
        elif kind == "result":  # state or an input, returned: IREE returns a copy
            copy = f"copy of {name}"
            self._bytes[copy], self._kinds[copy] = self._bytes[buffer], kind
