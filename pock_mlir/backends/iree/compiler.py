"""Calling IREE's compiler, and reading from its intermediate IR what a function allocates."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pock_mlir.backends.iree.concurrency import most_bindings, overlap_commands, stages
from pock_mlir.backends.iree.queues import called_texts, place_shards
from pock_mlir.backends.iree.targets import Target

_COMMON = (
    "--iree-input-type=auto",
    # In-place updates are wrong under any other partitioning: IREE decides that an update needs no
    # copy of the old weight from the program order, and then moves it before the last reader.
    "--iree-stream-partitioning-favor=debug",
    # Aggressive fusion makes IR that fails verification ("operand does not dominate").
    "--iree-dispatch-creation-enable-aggressive-fusion=false",
)
# Kernels take each tensor by its place in memory, not all of memory and an offset, so that it is
# known which of them may run at the same time. For GPUs this is not tried, so that little overlaps.
_BY_PLACE = ("--iree-scheduling-optimize-bindings=false",)
_MOST_BINDINGS = 32
"""The most tensors (or whole allocations, for kernels that take these) that IREE's runtime hands a
kernel."""


class CompilationError(Exception):
    """IREE's compiler rejected a module."""


@dataclass(frozen=True)
class CompiledModule:
    """The result of IREE's compiler.

    Attributes:
        vmfb: the module's bytecode.
        flow: text of the module as a sequence of dispatches.
        stream: text of the module with its allocations.
    """

    vmfb: bytes
    flow: str
    stream: str


def compile_module(text: str, target: Target, *, generate_code: bool = True) -> CompiledModule:
    """Compile the text of an IREE module for `target`.

    Without `generate_code` it is lowered as far as to know the dispatches and allocations, in a
    third of the time; there is no bytecode then.

    Raises:
        CompilationError: with the compiler's first diagnostics.
    """
    with tempfile.TemporaryDirectory(prefix="pock-") as directory:
        folder = Path(directory)
        source, middle, result = (
            folder / name for name in ("module.mlir", "stream.mlir", "module.vmfb")
        )
        flags = [*_COMMON, *target.flags]
        source.write_text(text)

        def scheduled(*more: str) -> str:
            dump = f"--dump-compilation-phases-to={folder}"
            _run(source, middle, [*flags, *more, "--compile-to=stream", dump])
            return middle.read_text()

        stream = scheduled(*(() if target.processor is None else _BY_PLACE))
        if target.processor is not None and most_bindings(stream) > _MOST_BINDINGS:
            stream = scheduled()  # little of the module will overlap
        if (most := most_bindings(stream)) > _MOST_BINDINGS:
            raise CompilationError(
                f"iree-compile made a kernel of {most} tensors:\n"
                f"error: IREE's runtime hands a kernel {_MOST_BINDINGS} at most"
            )
        if target.processor is not None:
            stream = place_shards(stream)
        stream = overlap_commands(stream)
        code = b""
        if generate_code:
            middle.write_text(stream)
            _run(middle, result, [*flags, "--compile-from=stream"])
            code = result.read_bytes()
        return CompiledModule(code, _phase(folder, "flow"), stream)


def _run(source: Path, result: Path, flags: Sequence[str]) -> None:
    from iree.compiler.tools.binaries import find_tool

    command = [find_tool("iree-compile"), str(source), f"-o={result}", *flags]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        errors = [line for line in lines if "error:" in line] or lines[:5]
        raise CompilationError("iree-compile failed:\n" + "\n".join(errors[:10]))


def _phase(folder: Path, name: str) -> str:
    (path,) = folder.glob(f"module.*.{name}.mlir")
    return path.read_text()


@dataclass(frozen=True)
class Allocations:
    """What one function of a compiled module, and what it calls, allocates while it runs.

    Attributes:
        transient: bytes of intermediate values.
        results: bytes of returned values.
        variables: bytes of new weights and state: what is not updated in place.
        dispatches: number of kernels launched.
        stages: groups of kernels, each of which waits for the one before it; of calls, which wait
            for no other, those of one.
        copies: number of buffer copies.
    """

    transient: int
    results: int
    variables: int
    dispatches: int
    stages: int
    copies: int


_KINDS = {
    "transient": "transient",
    "staging": "transient",  # what a loop or a branch reads back from the device
    "external": "results",
    "variable": "variables",
}


def allocations(module: CompiledModule, function: str) -> Allocations:
    """What IREE allocates in `function`: the operands of `stream.resource.alloca`, added up."""
    own = function_body(module.stream, function)
    calls = called_texts(module.stream, own)
    body = "".join((own, *calls))
    sizes = dict.fromkeys(_KINDS.values(), 0)
    pattern = r"= stream\.resource\.alloca .*=> !stream\.resource<(\w+)>\{%c(\d+)(?:_\d+)?\}"
    for kind, size in re.findall(pattern, body):
        sizes[_KINDS[kind]] += int(size)
    return Allocations(
        **sizes,
        dispatches=len(re.findall(r"stream\.cmd\.dispatch", body)),
        stages=stages(own) + max(map(stages, calls), default=0),
        copies=len(re.findall(r"stream\.cmd\.copy", body)),
    )


def function_body(text: str, function: str) -> str:
    """The text of one public function of a module.

    Raises:
        CompilationError: the module has no such function.
    """
    start = re.search(rf"util\.func public @{re.escape(function)}\(", text)
    if start is None:
        raise CompilationError(f"the compiled module has no function '{function}'")
    return text[start.start() : text.find("\n  }", start.start())]
