"""Each shard of a batch in a queue of the device of its own: threads that wait for no others.

`shard-batch` calls one function for every shard. Which queue of a device a command goes to is known
at compile time, so behind IREE's stream phase the function becomes a copy for each call, with
another queue. The copies share all kernels, and neither weights nor their memory are copied. The
runtime gives each queue threads (`pock_mlir.runtime.threads`); a device with fewer queues takes the
shards one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FUNCTION = re.compile(r"^  util\.func [^\n]*\{$.*?^  \}$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"  util\.func (?:public|private) @([\w.$-]+)\(")
_CALL = re.compile(r"(util\.call @)([\w.$-]+)(\()")
DEVICE = "#hal.device.affinity<@__device_0>"
"""Any queue of the only device that modules are compiled for."""


def place_shards(stream: str) -> str:
    """The text of a module behind the stream phase: the k-th call of a function is in queue k.

    They are counted from 1; queue 0 is for what has no shards. What the caller does besides, the
    updates, is in the first one's: divided among them, it waits for longer than it takes.
    """
    copies = dict(_copies(stream))

    def placed(function: re.Match[str]) -> str:
        text = function[0]
        if _name(text) in copies:
            return copies[_name(text)]
        return _in_queue(_with_calls_numbered(text), 1) if _CALL.search(text) else text

    return _FUNCTION.sub(placed, stream)


def called_texts(stream: str, body: str) -> list[str]:
    """The texts of the functions that a function calls, one for each call."""
    named = {_name(match[0]): match[0] for match in _FUNCTION.finditer(stream)}
    return [named[name] for _, name, _ in _CALL.findall(body)]


def _name(function: str) -> str:
    found = _NAME.match(function)
    assert found is not None, "a function has a name"
    return found[1]


def _copies(stream: str) -> Iterator[tuple[str, str]]:
    """The text of each function that is called, once for every queue, by its name."""
    functions = [match[0] for match in _FUNCTION.finditer(stream)]
    for function in functions:
        name = _name(function)
        calls = max(each.count(f"util.call @{name}(") for each in functions)
        if calls:
            queues = range(1, calls + 1)
            yield name, "\n".join(_copy(function, name, queue) for queue in queues)


def _copy(function: str, name: str, queue: int) -> str:
    return _in_queue(function, queue).replace(f"@{name}(", f"@{_numbered(name, queue)}(", 1)


def _in_queue(function: str, queue: int) -> str:
    return function.replace(DEVICE, f"#hal.device.affinity<@__device_0, [{queue}]>")


def _numbered(name: str, queue: int) -> str:
    return f"{name}_{queue}"


def _with_calls_numbered(function: str) -> str:
    seen: dict[str, int] = {}

    def numbered(call: re.Match[str]) -> str:
        before, name, after = call.groups()
        queue = seen[name] = seen.get(name, 0) + 1
        return f"{before}{_numbered(name, queue)}{after}"

    return _CALL.sub(numbered, function)
