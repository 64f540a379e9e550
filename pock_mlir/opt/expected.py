"""`--verify-diagnostics`: what the input says should be reported, and nothing else, is reported.

    // expected-error @+1 {{text that the message contains}}
    // expected-remark-re @below {{text with {{regular.*}} parts}}

The place is `@+N`, `@-N`, `@above`, `@below` (the next or last line without such a comment),
`@unknown` (no location), or this line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TextIO

from pock_mlir.opt.locations import PARSED_TEXT, place
from pock_mlir.pipelines.diagnostics import Diagnostic

_EXPECTED = re.compile(
    r"// *expected-(?P<kind>error|note|remark|warning)(?P<re>-re)?"
    r" *(?:@(?P<place>[+-]\d+|above|below|unknown))? *\{\{(?P<text>.*)\}\}$"
)
_REGEX_PART = re.compile(r"\{\{(.*?)\}\}")
_CURRENT_OPERATION = "see current operation:"


@dataclass
class Expected:
    """One comment: a diagnostic at `line` (None: without location), written in line `written`."""

    kind: str
    text: str
    is_regex: bool
    line: int | None
    written: int
    met: bool = False

    def matches(self, message: str) -> bool:
        """Whether `message` contains the text, or the regular expression's parts."""
        if not self.is_regex:
            return self.text in message
        pieces = _REGEX_PART.split(self.text)
        pattern = "".join(p if i % 2 else re.escape(p) for i, p in enumerate(pieces))
        return re.search(pattern, message) is not None


def parse_expected(text: str) -> list[Expected]:
    """The comments of a file, with the lines that they speak of."""
    lines = text.splitlines()
    found = {
        i: match for i, line in enumerate(lines, 1) if (match := _EXPECTED.search(line.rstrip()))
    }
    return [
        Expected(
            kind=match["kind"],
            text=match["text"],
            is_regex=bool(match["re"]),
            line=_line(number, match["place"], set(found)),
            written=number,
        )
        for number, match in found.items()
    ]


def _line(number: int, where: str | None, comments: set[int]) -> int | None:
    if where is None:
        return number
    if where == "unknown":
        return None
    if where in ("above", "below"):
        step = 1 if where == "below" else -1
        while number in comments:
            number += step
        return number
    return number + int(where)


class DiagnosticVerifier:
    """Compares what is emitted with what the comments of `text` expect."""

    def __init__(self, name: str, text: str, stream: TextIO) -> None:
        self.name = name
        self.expected = parse_expected(text)
        self.stream = stream
        self.failed = False

    def emit(self, diagnostic: Diagnostic) -> None:
        """Tick off the comment that expects this diagnostic, or complain."""
        for each in [diagnostic, *diagnostic.notes]:
            if each.severity != "note" or not each.message.startswith(_CURRENT_OPERATION):
                self._match(each)

    def finish(self) -> bool:
        """Complain about what never came; whether everything was as expected."""
        for expected in self.expected:
            if not expected.met:
                message = f'expected {expected.kind} "{expected.text}" was not produced'
                self._complain(expected.written, message)
        return not self.failed

    def _match(self, diagnostic: Diagnostic) -> None:
        where = place(diagnostic.location)
        if where is not None and where.file not in (PARSED_TEXT, self.name):
            return
        line = where.line if where else None
        near = None
        for expected in self.expected:
            if expected.line == line and not expected.met and expected.matches(diagnostic.message):
                if expected.kind == diagnostic.severity:
                    expected.met = True
                    return
                near = expected
        message = f"unexpected {diagnostic.severity}: {diagnostic.message}"
        if near:
            message = f"'{diagnostic.severity}' diagnostic emitted when expecting a '{near.kind}'"
        self._complain(line, message)

    def _complain(self, line: int | None, message: str) -> None:
        self.failed = True
        prefix = self.name if line is None else f"{self.name}:{line}"
        self.stream.write(f"{prefix}: error: {message}\n")
