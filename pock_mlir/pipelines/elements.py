"""What a pipeline consists of, and how it is written."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pock_mlir.passes import ModulePass

COMMON_UPSTREAM_PASSES = (
    "canonicalize",
    "cse",
    "control-flow-sink",
    "inline",
    "loop-invariant-code-motion",
    "mem2reg",
    "print-ir",
    "print-op-stats",
    "remove-dead-values",
    "sccp",
    "snapshot-op-locations",
    "stablehlo-aggressive-simplification",
    "stablehlo-convert-to-signless",
    "stablehlo-legalize-to-linalg",
    "strip-debuginfo",
    "symbol-dce",
    "symbol-privatize",
    "topological-sort",
    "transform-interpreter",
    "transform-preload-library",
    "view-op-graph",
)
"""Upstream's passes that are worth naming in a help text or a suggestion; all others work too."""


class PipelineError(Exception):
    """A pipeline's text, or the name or an option of a pass in it, is wrong."""


@dataclasses.dataclass(frozen=True)
class Upstream:
    """A pipeline element that upstream MLIR or StableHLO registers, as `mlir-opt` spells it.

    Examples: `canonicalize`, `canonicalize{max-iterations=3}`, `func.func(cse,canonicalize)`.
    """

    element: str

    def __str__(self) -> str:
        return self.element


Pass: TypeAlias = ModulePass | Upstream


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean A or B?` with the names closest to `name`, or nothing."""
    close = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def pass_text(pass_: Pass) -> str:
    """The element as it is written in a pipeline; options that have their default are left out."""
    if isinstance(pass_, Upstream):
        return pass_.element
    options = " ".join(
        f"{field.name.replace('_', '-')}={_value_text(value)}"
        for field in dataclasses.fields(pass_)
        if (value := getattr(pass_, field.name)) != field.default
    )
    return pass_.name + (f"{{{options}}}" if options else "")


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if text and not re.search(r"[\s{}()'\",]", text):
        return text
    quote = '"' if "'" in text else "'"
    if quote in text:
        raise PipelineError(f"an option cannot hold both kinds of quotes: {text}")
    return f"{quote}{text}{quote}"


def pipeline_text(passes: Sequence[Pass]) -> str:
    """The whole pipeline as text that `parse_pipeline` reads back."""
    return f"builtin.module({','.join(map(pass_text, passes))})"
