"""The TOML file beside a StableHLO module: which function is the model, and what its arguments are.

function = "main"              # may be left out where the module has one public function
values = "model.safetensors"   # or .npz; relative to the TOML file

[[argument]]                   # one for each argument of the function, in order
parameter = "dense.kernel"
kind = "weight"                # weight (the default) | buffer

[[argument]]
input = "x"
"""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pock_mlir.importers import ModelImportError
from pock_mlir.runtime.errors import TensorFileError
from pock_mlir.runtime.safetensors import TensorFile

KINDS = ("weight", "buffer")


@dataclass(frozen=True)
class Argument:
    """One argument of the model function; `kind` is "weight", "buffer" or "input"."""

    name: str
    kind: str


@dataclass(frozen=True)
class Description:
    """What the TOML file says.

    Attributes:
        function: the model's name in the module; "" for the only public one.
        arguments: in the function's order.
        values: of the parameters, by name; those of the file that are not named are left out.
    """

    function: str
    arguments: list[Argument]
    values: dict[str, np.ndarray]


def read_description(path: Path) -> Description:
    """Read and check a TOML file and the values that it names.

    Raises:
        ModelImportError: with everything that is wrong with the file.
    """
    if not path.is_file():
        raise ModelImportError(
            f"no {path}: it says which arguments of the StableHLO module are parameters "
            "(see docs/frontends.md)"
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelImportError(f"{path} is not TOML: {error}") from error
    problems = list(_key_problems(data))
    tables = data.get("argument", [])
    if isinstance(tables, list) and tables:
        problems += [
            f"argument {i}: {problem}" for i, t in enumerate(tables) for problem in _problems(t)
        ]
    else:
        problems.append("it needs an [[argument]] table for each argument of the function")
    if problems:
        raise ModelImportError(f"{path}:", problems)
    arguments = [_argument(table) for table in tables]
    _check_names(path, arguments)
    values = _values(path, data, [a.name for a in arguments if a.kind != "input"])
    return Description(data.get("function", ""), arguments, values)


def _key_problems(data: Mapping[str, Any]) -> Iterator[str]:
    for key, value in data.items():
        if key not in ("function", "values", "argument"):
            yield f"unknown key '{key}'; known: function, values, argument"
        elif key != "argument" and not isinstance(value, str):
            yield f"'{key}' must be a string, got {value!r}"


def _problems(table: Any) -> Iterator[str]:
    if not isinstance(table, dict):
        yield "must be a table, written [[argument]]"
        return
    unknown = sorted(set(table) - {"parameter", "input", "kind"})
    if unknown:
        yield f"unknown key '{unknown[0]}'; known: parameter, kind, input"
    names = [table[key] for key in ("parameter", "input") if key in table]
    if len(names) != 1 or not isinstance(names[0], str) or not names[0]:
        yield "must have either 'parameter' or 'input', a name"
    if "kind" in table and "input" in table:
        yield "'kind' is for parameters"
    if table.get("kind", "weight") not in KINDS:
        yield f"kind must be {' or '.join(KINDS)}, got {table['kind']!r}"


def _argument(table: Mapping[str, Any]) -> Argument:
    if "input" in table:
        return Argument(table["input"], "input")
    return Argument(table["parameter"], table.get("kind", "weight"))


def _check_names(path: Path, arguments: list[Argument]) -> None:
    names = [argument.name for argument in arguments]
    repeated = sorted({name for name in names if names.count(name) > 1})
    problems = [f"two arguments are named '{name}'" for name in repeated]
    if all(argument.kind != "weight" for argument in arguments):
        problems.append("no argument is a parameter of kind weight: there is nothing to train")
    if problems:
        raise ModelImportError(f"{path}:", problems)


# ---- values ----------------------------------------------------------------------------------


def _values(path: Path, data: Mapping[str, Any], names: list[str]) -> dict[str, np.ndarray]:
    if "values" not in data:
        raise ModelImportError(f"{path}: it needs 'values', the file with the parameters' values")
    file = path.parent / data["values"]
    if not file.is_file():
        raise ModelImportError(f"{path}: no such file of values: {file}")
    held = _read(file)
    missing = [name for name in names if name not in held]
    if missing:
        raise ModelImportError(f"{file} lacks values of:", missing)
    return {name: held[name] for name in names}


def _read(file: Path) -> dict[str, np.ndarray]:
    if file.suffix not in (".npz", ".safetensors"):
        raise ModelImportError(f"{file}: values are read from .npz and .safetensors files")
    try:
        if file.suffix == ".safetensors":
            with TensorFile(file) as tensors:
                return dict(tensors)
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (TensorFileError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ModelImportError(f"cannot read {file}: {error}") from error
