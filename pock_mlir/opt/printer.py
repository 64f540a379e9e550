"""Diagnostics printed as `mlir-opt` prints them."""

from __future__ import annotations

from typing import TextIO

from pock_mlir.opt.locations import PARSED_TEXT, place
from pock_mlir.pipelines.diagnostics import Diagnostic


class DiagnosticPrinter:
    """Prints `file:line:column: severity: message` with the source line and a caret."""

    def __init__(self, name: str, text: str, stream: TextIO) -> None:
        self.name = name
        self.lines = text.splitlines()
        self.stream = stream
        self.failed = False

    def emit(self, diagnostic: Diagnostic) -> None:
        """Print the diagnostic and its notes."""
        self.failed |= diagnostic.severity == "error"
        for each in [diagnostic, *diagnostic.notes]:
            self.stream.write(self._text(each))

    def finish(self) -> bool:
        """Whether there was no error."""
        return not self.failed

    def _text(self, diagnostic: Diagnostic) -> str:
        where = place(diagnostic.location)
        if where is None:
            name = str(diagnostic.location)
            prefix = "" if name == "loc(unknown)" else f"{name}: "
            return f"{diagnostic.severity}: {prefix}{diagnostic.message}\n"
        ours = where.file in (PARSED_TEXT, self.name)
        file = self.name if ours else where.file
        head = f"{file}:{where.line}:{where.column}: {diagnostic.severity}: {diagnostic.message}\n"
        return head + (self._source(where.line, where.column) if ours else "")

    def _source(self, line: int, column: int) -> str:
        if not 0 < line <= len(self.lines):
            return ""
        source = self.lines[line - 1]
        before = source[: max(column - 1, 0)]
        caret = "".join("\t" if char == "\t" else " " for char in before) + "^"
        return f"{source}\n{caret}\n"
