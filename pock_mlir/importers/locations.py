"""Locations in MLIR text, reduced to the names of layers.

A front end's locations hold names of layers, among paths of files on the machine that traced the
model. Only the names are wanted, and MLIR's bindings cannot change the location of an op.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_ALIAS = re.compile(r"^(#loc\d*) = loc\((.*)\)$", re.MULTILINE)
_NAME = re.compile(r'^"((?:[^"\\]|\\.)*)"(?:\((.*)\))?$')
_REFERENCE = re.compile(r"#loc\d*")


def layer_locations(text: str, rename: Callable[[str], str]) -> str:
    """`text`, with every location replaced by the name in it, or by an unknown one.

    Args:
        text: MLIR as `get_asm(enable_debug_info=True)` prints it, where locations are aliases.
        rename: from a name to that of the layer; "" where it names none.
    """
    definitions = dict(_ALIAS.findall(text))
    names = {alias: _name_in(alias, definitions) for alias in definitions}

    def replaced(match: re.Match[str]) -> str:
        name = rename(names[match[1]]) if names[match[1]] else ""
        quoted = name.replace("\\", "").replace('"', "")
        return f'{match[1]} = loc("{quoted}")' if quoted else f"{match[1]} = loc(unknown)"

    return _ALIAS.sub(replaced, text)


def _name_in(location: str, definitions: dict[str, str]) -> str:
    """The outermost name of a location; that of a call is put before that of the callee."""
    text = definitions.get(location, location)
    named = _NAME.match(text)
    if named is not None:
        # JAX puts "add:", the op alone, around the name that says where it stands.
        inner = _name_in(named[2], definitions) if named[1].endswith(":") and named[2] else ""
        return inner or named[1].removesuffix(":")
    inner = [_name_in(alias, definitions) for alias in _REFERENCE.findall(text)]
    if text.startswith("callsite("):
        return "/".join(name for name in reversed(inner) if name)
    return next((name for name in inner if name), "")
