"""Diagnostics as data: what MLIR, a verifier or a pass has to say about a place in the IR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pock_mlir.dialects.verify import Problem
from pock_mlir.ir import DiagnosticSeverity, Location, MLIRError

_SEVERITIES = {
    DiagnosticSeverity.ERROR: "error",
    DiagnosticSeverity.WARNING: "warning",
    DiagnosticSeverity.NOTE: "note",
    DiagnosticSeverity.REMARK: "remark",
}


@dataclass(frozen=True)
class Diagnostic:
    """A message at a location; `severity` is error, warning, note or remark."""

    severity: str
    location: Location
    message: str
    notes: list[Diagnostic] = field(default_factory=list)

    @classmethod
    def of(cls, native: Any) -> Diagnostic:
        """From the binding's Diagnostic or DiagnosticInfo."""
        return cls(
            _SEVERITIES[native.severity],
            native.location,
            native.message,
            [cls.of(note) for note in native.notes],
        )


def errors(problems: Sequence[Problem]) -> list[Diagnostic]:
    """What a PassError or a verifier found, as diagnostics."""
    return [
        Diagnostic("error", location, message, [Diagnostic("note", *note) for note in notes])
        for location, message, *notes in problems
    ]


def from_mlir_error(error: MLIRError) -> list[Diagnostic]:
    """The diagnostics that MLIR attached to an exception."""
    return [Diagnostic.of(info) for info in error.error_diagnostics]
