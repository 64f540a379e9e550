"""Texts and labels in a `.csv` or `.jsonl` file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from pock_mlir.data import text
from pock_mlir.data.samples import Array, Data, Split, Tell, Wanted, class_numbers, listed
from pock_mlir.data.tokenizer import Tokenizer

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """Which columns hold the texts and the labels."""

    text: str = "text"
    label: str = "label"


def load(
    path: Path,
    wanted: Wanted,
    tokenizer: Tokenizer,
    *,
    columns: Columns | None = None,
    classes: Sequence[str] | None = None,
    encoding: str = "utf-8",
    tell: Tell = lambda text: None,
) -> Data:
    """Every row of a table: its text as token ids, and its label.

    A text that is longer than the program's tokens is cut off, a shorter one filled up. Labels are
    numbers, or names that have the numbers of their sorted order unless `classes` gives it.

    Raises:
        ValueError: no table, a missing column, rows without a text or a label (all listed by their
            line), labels that are none, or a program that takes something else.
    """
    inputs = text.text_inputs(wanted)
    columns = columns or Columns()
    rows = read_rows(path, (columns.text, columns.label), encoding)
    tell(f"tokenize {len(rows)} texts")
    ids, mask = tokenizer.rows([str(row[columns.text]) for row in rows], inputs.tokens)
    found = [row[columns.label] for row in rows]
    if np.dtype(wanted.targets.dtype).kind == "f":
        labels, named = _numbers(path.name, found, wanted), None
    else:
        labels, named = _labels(path.name, found, wanted, classes)
    return Data(path.name, Split([*inputs.arrays(ids, mask), labels]), classes=named)


def read_rows(path: Path, columns: Sequence[str], encoding: str = "utf-8") -> list[Row]:
    """The rows of a table, each of which has something in each of the columns.

    Raises:
        ValueError: as `load`.
    """
    content = text.read(path, encoding)
    lines = _json_lines(path, content) if path.suffix == ".jsonl" else _csv_lines(path, content)
    rows = list(lines)
    if not rows:
        raise ValueError(f"{path}: the data set is empty")
    there = {name for _, row in rows for name in row}
    missing = [name for name in columns if name not in there]
    if missing:
        raise ValueError(f"{path} has no column {listed(missing)}; it has {listed(sorted(there))}")
    holes = [line for line, row in rows if any(row.get(n) in (None, "") for n in columns)]
    if holes:
        raise ValueError(f"{path}: lines without {' or '.join(columns)}: {listed(holes)}")
    return [row for _, row in rows]


def _csv_lines(path: Path, content: str) -> Iterator[tuple[int, Row]]:
    reader = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        for row in reader:
            if None in row:
                raise ValueError(
                    f"{path}, line {reader.line_num}: more fields than the first line has names"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no CSV: {error}") from error


def _json_lines(path: Path, content: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            try:
                row: Any = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}, line {number}: no JSON: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: must be an object, {{...}}")
            yield number, cast("Row", row)


def _labels(
    name: str, found: Sequence[Any], wanted: Wanted, named: Sequence[str] | None
) -> tuple[Array, tuple[str, ...] | None]:
    """Label numbers int32 [N], and the names of the classes where labels are names."""
    if named is None and all(_is_whole(each) for each in found):
        return np.array([int(each) for each in found], np.int64), None
    words = [str(each).strip() for each in found]
    classes = class_numbers(name, words, wanted, named)
    number = {each: i for i, each in enumerate(classes)}
    return np.array([number[each] for each in words], np.int32), classes


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().removeprefix("-").isdecimal()
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(name: str, found: Sequence[Any], wanted: Wanted) -> Array:
    wrong: list[str] = []
    numbers: list[float] = []
    for each in found:
        try:
            numbers.append(float(each))
        except (TypeError, ValueError):
            wrong.append(repr(each))
    if wrong:
        raise ValueError(f"{name}: the targets are numbers, which these are not: {listed(wrong)}")
    rest = wanted.targets.shape[1:]
    array = np.array(numbers, np.float32)
    return array.reshape(-1, *rest) if set(rest) <= {1} else array
