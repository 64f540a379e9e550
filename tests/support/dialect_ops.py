"""Which ops a dialect of the bindings registers: they do not list them, but they contain them."""

from __future__ import annotations

import mmap
import re
from functools import cache
from pathlib import Path

from pock_mlir.dialects import make_context
from pock_mlir.ir import load_chlo, stablehlo_bindings


@cache
def registered_ops(dialect: str) -> frozenset[str]:
    """The names of the ops of a dialect.

    The name of every op that is registered is a string in a library of the bindings, so each string
    that could be one is asked for.
    """
    context = make_context()
    load_chlo(context)
    return frozenset(name for name in _strings(dialect) if context.is_registered_operation(name))


def _strings(dialect: str) -> set[str]:
    """What looks like the name of an op in the libraries of the bindings."""
    pattern = re.compile(re.escape(f"{dialect}.").encode() + rb"[a-zA-Z0-9_.-]+")
    found: set[str] = set()
    for library in Path(stablehlo_bindings.__file__).parent.glob("*.so"):
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            found.update(match.decode() for match in pattern.findall(data))
    return found
