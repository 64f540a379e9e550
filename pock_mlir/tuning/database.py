"""A text file of what was measured: TOML, a table a kind of machine, a line a subject.

    format = 1

    ["x86-64-avx2 iree-3.13.0"]
    "f32 512x96x384 mk kn" = {best = "panels 4x16x4", plain = 561000, "panels 4x16x4" = 238000}

Numbers are nanoseconds; a text in the place of one says why the form cannot be had.
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pock_mlir.tuning.convolution import Convolution
from pock_mlir.tuning.form import PLAIN, Form, Subject
from pock_mlir.tuning.product import Product

FORMAT = 1
_HEADER = "# Forms of products and convolutions: nanoseconds of each. See docs/tuning.md."
_KEPT = 1.03
"""`plain` is kept unless it takes this much longer: IREE fuses it with more of what is around."""
_KERNEL = 6e3
"""Nanoseconds for which two threads wait at the end of a kernel, as IREE's profiler shows them in
steps; one thread, which is what is measured with, does not."""
_AGAIN = 1.0
"""Nanoseconds to store an element of a result for what could not be fused, and to read it there."""
_WORTH = 1.1
"""By how much one of Winograd's forms must be faster than what takes less memory."""


class TuningError(ValueError):
    """A file of measurements cannot be read."""


@dataclass(frozen=True)
class Measured:
    """What is known of a product or a convolution.

    Attributes:
        best: the form to have.
        times: nanoseconds by form.
        failed: why a form cannot be had, by form.
    """

    best: Form
    times: Mapping[Form, float]
    failed: Mapping[Form, str] = field(default_factory=dict[Form, str])

    @classmethod
    def of(
        cls,
        measured: Mapping[Form, float],
        failed: Mapping[Form, str] | None = None,
        subject: Subject | None = None,
    ) -> Measured:
        """The fastest form is the best; `plain`, where it is all but the fastest.

        Of a `subject`, what a form costs a step besides counts as well: kernels that arrange
        something, and the memory of what nothing is fused with.
        """
        times = {form: time + _waiting(form, subject) for form, time in measured.items()}
        best = min(times, key=lambda form: times[form], default=PLAIN)
        while best.side and (smaller := [form for form in times if form.side < best.side]):
            other = min(smaller, key=lambda form: times[form])
            if times[other] > _WORTH * times[best]:
                break
            best = other
        if PLAIN in times and times[PLAIN] <= _KEPT * times[best]:
            best = PLAIN
        return cls(best, dict(measured), dict(failed or {}))


def _waiting(form: Form, subject: Subject | None) -> float:
    """What a form costs a step besides its time, in nanoseconds."""
    if subject is None:
        return 0.0
    if isinstance(subject, Convolution):
        return _KERNEL * form.streams
    if form.streams:
        return _KERNEL + _AGAIN * math.prod(subject.output)
    return _KERNEL * len(form.arranged(subject))


Section = dict[Subject, Measured]


@dataclass
class Database:
    """Measurements by section (see `machine.section_of`) and product or convolution."""

    sections: dict[str, Section] = field(default_factory=dict[str, Section])

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Database:
        """Read a file. Raises TuningError, also where there is none."""
        path = Path(path)
        if not path.is_file():
            raise TuningError(f"no such file: {path}")
        try:
            return cls(dict(_sections(tomllib.loads(path.read_text(encoding="utf-8")))))
        except (ValueError, OSError) as error:
            raise TuningError(
                f"{path}: no file of measurements that this version can read ({error}); if pock "
                "tune wrote it, delete it and measure again"
            ) from error

    def merge(self, other: Database) -> None:
        """Take over what `other` knows; it is right about what both know."""
        for name, section in other.sections.items():
            self.sections.setdefault(name, {}).update(section)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file, as a whole or not at all."""
        from pock_mlir.runtime.atomic import (
            replacing,  # brings IREE's runtime, which passes need not
        )

        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(self.to_text().encode())

    def to_text(self) -> str:
        """The text of the file."""
        lines = [_HEADER, f"format = {FORMAT}"]
        for name, section in sorted(self.sections.items()):
            lines += ["", f"[{json.dumps(name)}]"]
            lines += [
                f"{json.dumps(str(subject))} = {_inline(section[subject])}"
                for subject in sorted(section, key=_order)
            ]
        return "\n".join(lines) + "\n"


def _order(subject: Subject) -> tuple[Any, ...]:
    """Products by their extents, then convolutions by theirs."""
    if isinstance(subject, Convolution):
        return 1, subject.kernel, subject.image, str(subject)
    return 0, subject.stack, subject.m, subject.n, subject.k, str(subject)


def _inline(measured: Measured) -> str:
    """An inline table: TOML writes texts as JSON does."""
    entries = [f"best = {json.dumps(str(measured.best))}"]
    entries += [f"{_name(form)} = {time:.0f}" for form, time in measured.times.items()]
    entries += [f"{_name(form)} = {json.dumps(why)}" for form, why in measured.failed.items()]
    return f"{{{', '.join(entries)}}}"


def _name(form: Form) -> str:
    return str(form) if form.tile is None else json.dumps(str(form))


def _sections(data: dict[str, Any]) -> Iterator[tuple[str, Section]]:
    found = data.pop("format", None)
    if found != FORMAT:
        raise ValueError(f"its format is {found}, not {FORMAT}")
    for name, lines in data.items():
        if not isinstance(lines, dict):
            raise ValueError(f"'{name}' is no table")
        yield name, {parse_subject(key): _measured(key, value) for key, value in lines.items()}


def parse_subject(text: str) -> Subject:
    """The product or convolution of a text. Raises ValueError."""
    return Convolution.parse(text) if " * " in text else Product.parse(text)


def _measured(key: str, value: Any) -> Measured:
    if not isinstance(value, dict) or not isinstance(value.get("best"), str):
        raise ValueError(f"'{key}' has no best form")
    forms = {Form.parse(name): entry for name, entry in value.items() if name != "best"}
    times = {form: float(entry) for form, entry in forms.items() if type(entry) in (int, float)}
    failed = {form: entry for form, entry in forms.items() if isinstance(entry, str)}
    if len(times) + len(failed) != len(forms):
        raise ValueError(f"'{key}': a form has a number of nanoseconds or a text")
    best = Form.parse(value["best"])
    if best in failed or not best.fits(parse_subject(key)):
        raise ValueError(f"'{key}' cannot have the form '{best}'")
    return Measured(best, times, failed)
