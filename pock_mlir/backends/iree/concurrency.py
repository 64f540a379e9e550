"""Which commands of a step may run at the same time, by the memory that they read and write.

IREE keeps program order here (`compiler.py` says why), and puts a barrier behind each command, at
which all threads wait for the slowest. Behind its stream phase, every command names the bytes that
it reads and writes. So it is known exactly what must wait for what: a command for those before it
that write what it reads or writes, or read what it writes. Those between two barriers are a stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_SCOPE = re.compile(r"  util\.(func|initializer)\b")
_EXECUTE = re.compile(r"( *)%\S+ = stream\.cmd\.execute .* with\((.*)\) \{$")
_CAPTURE = re.compile(r"(%[^\s,()]+) as (%[^\s,():]+):")
_DISJOINT = re.compile(
    r"\s*(%[^\s,]+)(?:, %[^\s,]+)? = (?:stream\.resource\.alloca? |stream\.tensor\.import "
    r"|util\.global\.load (?:immutable )?(@\S+))"
)
_ALLOCA = re.compile(r"\s*(%[^\s,]+), %\S+ = stream\.resource\.alloca ")
_CALL = re.compile(r"\s*(%\S+):(\d+) = util\.call @([^\s(]+)\(")
_RESULT = re.compile(r"\s*(%[^\s,:]+)[^=]* = ")
_DISPATCHED = re.compile(r"\s*(ro|wo|rw) (%[^\s\[]+)\[(%\S+) for (%[^\s\]]+)\]")
_COPY = re.compile(
    r"\s*stream\.cmd\.copy (%[^\s\[]+)\[(%[^\s\]]+)\], (%[^\s\[]+)\[(%[^\s\]]+)\], (%\S+) :"
)
_FILL = re.compile(r"\s*stream\.cmd\.fill \S+ (%[^\s\[]+)\[(%\S+) for (%[^\s\]]+)\]")
_CONSTANT = re.compile(r"%c(\d+)(?:_\d+)?")
_END = 1 << 63
"""Behind all bytes of a resource whose accessed ones are not known."""


@dataclass(frozen=True)
class Access:
    """Bytes of a resource that a command reads or writes.

    Attributes:
        memory: what tells resources apart whose accessed bytes are never the same; "" may share
            some with any other. Variables may lie in one allocation, but their tensors do not
            overlap, and each is reached through the same variable everywhere.
        begin: the first byte.
        end: the one behind the last.
        writes: whether it writes them.
    """

    memory: str
    begin: int
    end: int
    writes: bool

    def conflicts(self, other: Access) -> bool:
        """Whether the order of the two matters."""
        if not (self.writes or other.writes):
            return False
        if not (self.memory and other.memory):
            return True
        return self.memory == other.memory and self.begin < other.end and other.begin < self.end


@dataclass(frozen=True)
class _Command:
    """The text of a command; one whose `accesses` are None may read and write everything."""

    lines: list[str]
    accesses: list[Access] | None

    def waits_for(self, other: _Command) -> bool:
        if self.accesses is None or other.accesses is None:
            return True
        return any(mine.conflicts(its) for mine in self.accesses for its in other.accesses)


def overlap_commands(stream: str) -> str:
    """The text of a module behind IREE's stream phase, each command in the first stage it can have.

    The order of what conflicts stays as it is, and so does every offset in memory.
    """
    lines = iter(stream.splitlines())
    allocating = _allocating(stream)
    done: list[str] = []
    disjoint: dict[str, str] = {}
    for line in lines:
        done.append(line)
        if _SCOPE.match(line):
            disjoint = {}
        elif result := _RESULT.match(line):
            disjoint.pop(result[1], None)  # in another region, a name is another value
        if found := _DISJOINT.match(line):
            value, variable = found.groups()
            disjoint[value] = variable or value
        elif (found := _CALL.match(line)) and found[3] in allocating:
            disjoint |= {(name := f"{found[1]}#{i}"): name for i in range(int(found[2]))}
        elif found := _EXECUTE.match(line):
            indent, captures = found.groups()
            memory = {inside: disjoint.get(v, "") for v, inside in _CAPTURE.findall(captures)}
            *body, end = _block(lines, indent)
            for stage in _stages(list(_commands(body, memory))):
                done += _printed(stage, indent + "  ")
            done.append(end)
    return "\n".join(done) + "\n"


def _allocating(stream: str) -> set[str]:
    """The private functions each of whose results is memory of its own, which they allocate."""
    found: set[str] = set()
    for name, body in re.findall(r"  util\.func private @(\S+?)\((.*?)\n  \}", stream, re.DOTALL):
        allocated = {match[1] for match in map(_ALLOCA.match, body.splitlines()) if match}
        values, _, types = body.rpartition("util.return ")[2].partition(" : ")
        results = zip(values.split(", "), types.split(", "), strict=True)
        returned = [value for value, type_ in results if "stream.resource" in type_]
        if set(returned) <= allocated and len(set(returned)) == len(returned):
            found.add(name)
    return found


def most_bindings(text: str) -> int:
    """The most tensors that any kernel of a module is handed; each stands on a line of its own."""
    most = count = 0
    for line in text.splitlines():
        count = count + 1 if _DISPATCHED.match(line) else 0
        most = max(most, count)
    return most


def stages(body: str) -> int:
    """How many stages of a function hold kernels, from its text behind the stream phase."""
    lines = iter(body.splitlines())
    return sum(
        "stream.cmd.dispatch" in "".join(command.lines)
        for line in lines
        if (found := _EXECUTE.match(line))
        for command in _commands(_block(lines, found[1])[:-1], {})
    )


def _block(lines: Iterator[str], indent: str) -> list[str]:
    """The lines up to the one that closes a block."""
    block: list[str] = []
    for line in lines:
        block.append(line)
        if line.startswith(f"{indent}}}"):
            break
    return block


def _commands(body: Sequence[str], memory: Mapping[str, str]) -> Iterator[_Command]:
    lines = iter(body)
    for line in lines:
        whole = [line]
        if line.endswith("{"):
            whole += _block(lines, line[: len(line) - len(line.lstrip())])
        yield _Command(whole, _accesses(whole, memory))


def _accesses(command: Sequence[str], memory: Mapping[str, str]) -> list[Access] | None:
    def access(resource: str, offset: str, length: str, *, writes: bool) -> Access:
        begin, size = _CONSTANT.fullmatch(offset), _CONSTANT.fullmatch(length)
        if begin is None or size is None:
            return Access(memory.get(resource, ""), 0, _END, writes)
        first = int(begin[1])
        return Access(memory.get(resource, ""), first, first + int(size[1]), writes)

    head, *rest = command
    if found := _COPY.match(head):
        source, start, target, place, length = found.groups()
        return [
            access(source, start, length, writes=False),
            access(target, place, length, writes=True),
        ]
    if found := _FILL.match(head):
        return [access(*found.groups(), writes=True)]
    bound = [_DISPATCHED.match(line) for line in rest[:-1]]
    if "stream.cmd.dispatch" not in head or not all(bound):
        return None
    return [access(*each.groups()[1:], writes=each[1] != "ro") for each in bound if each]


def _stages(commands: Sequence[_Command]) -> list[list[_Command]]:
    found: list[list[_Command]] = []
    for command in commands:
        first = len(found)
        while first and not any(command.waits_for(other) for other in found[first - 1]):
            first -= 1
        if first == len(found):
            found.append([])
        found[first].append(command)
    return found


def _printed(stage: Sequence[_Command], indent: str) -> list[str]:
    lines = [line for command in stage for line in command.lines]
    if len(stage) == 1:
        return lines
    return [f"{indent}stream.cmd.concurrent {{", *(f"  {line}" for line in lines), f"{indent}}}"]
