"""Where in a file an MLIR location points."""

from __future__ import annotations

from typing import Any, NamedTuple

from pock_mlir.ir import CallSiteLoc, FileLineColLoc, FusedLoc, Location, NameLoc

PARSED_TEXT = "-"
"""The file name that the bindings give to text that they parse from memory."""


class Place(NamedTuple):
    """A line and a column, both counted from 1."""

    file: str
    line: int
    column: int


def place(location: Any) -> Place | None:
    """The first file location inside an MLIR Location, or None."""
    location = Location.from_attr(location.attr)
    if isinstance(location, FileLineColLoc):
        return Place(location.filename, location.start_line, location.start_col)
    if isinstance(location, NameLoc):
        return place(location.child_loc)
    if isinstance(location, CallSiteLoc):
        return place(location.callee) or place(location.caller)
    if isinstance(location, FusedLoc):
        return next(filter(None, map(place, location.locations)), None)
    return None
