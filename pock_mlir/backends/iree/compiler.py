"""Calling IREE's compiler, and reading from its intermediate IR what a step allocates."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from pock_mlir.backends.iree.targets import Target

_COMMON = (
    "--iree-input-type=auto",
    "--iree-stream-partitioning-favor=debug",
    "--iree-dispatch-creation-enable-aggressive-fusion=false",
)


class CompilationError(Exception):
    """IREE's compiler rejected a module."""


def compile_module(text: str, target: Target, *, flags: Sequence[str] = ()) -> bytes:
    """Compile the text of an IREE module to a .vmfb.

    Raises:
        CompilationError: with the compiler's first diagnostics.
    """
    return _run(text, [*_COMMON, *target.flags, *flags])


def _run(text: str, flags: Sequence[str]) -> bytes:
    from iree.compiler.tools.binaries import find_tool

    command = [find_tool("iree-compile"), "-", "-o", "-", *flags]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        errors = [line for line in lines if "error:" in line] or lines[:5]
        raise CompilationError("iree-compile failed:\n" + "\n".join(errors[:10]))
    return done.stdout


@dataclass(frozen=True)
class Allocations:
    """What one function of a compiled module allocates while it runs.

    Attributes:
        transient: bytes of intermediate values.
        results: bytes of values that outlive the call (new weights, when not in place).
        dispatches: number of kernels launched.
        copies: number of buffer copies.
    """

    transient: int
    results: int
    dispatches: int
    copies: int


def allocations(text: str, target: Target, function: str) -> Allocations:
    """Measure what IREE allocates in `function` of the module, from its stream-level IR."""
    stream = _run(text, [*_COMMON, *target.flags, "--compile-to=stream"]).decode()
    body = _function_body(stream, function)
    constants = {
        name: int(value)
        for name, value in re.findall(r"(%\w+) = arith\.constant (\d+) : index", stream)
    }
    sizes = {"transient": 0, "results": 0}
    pattern = r"stream\.resource\.alloca .*?: !stream\.resource<(\w+)>\{(%\w+)\}"
    for kind, size in re.findall(pattern, body):
        sizes["transient" if kind == "transient" else "results"] += constants[size]
    dispatches = len(re.findall(r"stream\.cmd\.dispatch", body))
    copies = len(re.findall(r"stream\.cmd\.copy", body))
    return Allocations(sizes["transient"], sizes["results"], dispatches, copies)


def _function_body(text: str, function: str) -> str:
    start = re.search(rf"util\.func public @{re.escape(function)}\$async\b|util\.func public @{re.escape(function)}\(", text)
    if start is None:
        raise CompilationError(f"the compiled module has no function '{function}'")
    end = text.find("\n  }", start.start())
    return text[start.start() : end]
