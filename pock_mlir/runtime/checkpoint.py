"""Checkpoints: the framework's weights and the optimizer's state in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.errors import CheckpointError
from pock_mlir.runtime.manifest import Manifest, ParameterSpec
from pock_mlir.runtime.safetensors import TensorFile, save_tensors

Array = NDArray[Any]
Constant = Callable[[ParameterSpec], Array]
FINGERPRINT, PROGRAM, STEPS = "pock.fingerprint", "pock.program", "pock.steps"
NOTES = "pock.notes"
_SHOWN = 3


def save(
    path: str | os.PathLike[str],
    weights: Mapping[str, Array],
    state: Mapping[str, Array],
    manifest: Manifest,
    steps: int,
    notes: Mapping[str, object] | None = None,
) -> None:
    """Write a checkpoint; the names of `state` do not clash with the framework's.

    `notes` is what the caller wants to find in it again, as JSON has it.
    """
    program = {key: value for key, value in manifest.program().items() if key != "parameters"}
    program["scheme"] = manifest.scheme.get("name")
    metadata = {
        "format": "pt",  # what transformers and safetensors.torch look for
        FINGERPRINT: manifest.fingerprint(),
        PROGRAM: json.dumps(program, sort_keys=True),
        STEPS: str(steps),
    }
    if notes:
        metadata[NOTES] = json.dumps(dict(notes), sort_keys=True)
    _save(path, {**weights, **state}, metadata)


def read_notes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The notes of a checkpoint; empty where it has none. Raises TensorFileError."""
    with TensorFile(path) as file:
        try:
            notes: Any = json.loads(file.metadata.get(NOTES, "{}"))
        except ValueError:
            return {}
    return cast("dict[str, Any]", notes) if isinstance(notes, dict) else {}


def save_weights(
    path: str | os.PathLike[str], weights: Mapping[str, Array], manifest: Manifest, steps: int
) -> None:
    """Write the framework's weights only."""
    metadata = {"format": "pt", FINGERPRINT: manifest.fingerprint(), STEPS: str(steps)}
    _save(path, weights, metadata)


def _save(
    path: str | os.PathLike[str], tensors: Mapping[str, Array], metadata: Mapping[str, str]
) -> None:
    try:
        save_tensors(path, tensors, metadata)
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}") from error


def load(
    path: str | os.PathLike[str], manifest: Manifest, constant: Constant
) -> tuple[dict[str, Array], int]:
    """What a step changes, in the framework's layouts, and the count of steps.

    `constant` gives the program's own value of a parameter; where no step changes it, the file
    must agree.

    Raises:
        CheckpointError: the checkpoint is of another program.
        TensorFileError: the file is missing or damaged.
    """
    with TensorFile(path) as file:
        if FINGERPRINT not in file.metadata or not file.metadata.get(STEPS, "").isdigit():
            raise CheckpointError(
                f"{path} is no checkpoint of a pock program; load_weights reads plain weights"
            )
        specs = [spec for spec in manifest.parameters if spec.kind != "folded"]
        problems = _misfits(file, specs)
        if not problems and file.metadata[FINGERPRINT] != manifest.fingerprint():
            problems = [_difference(file.metadata.get(PROGRAM, "{}"), manifest)]
        problems = problems or _other_constants(file, specs, manifest, constant)
        _refuse(path, problems)
        return {n: file[n] for n in manifest.state_order if n in file}, int(file.metadata[STEPS])


def load_weights(
    path: str | os.PathLike[str], manifest: Manifest, constant: Constant
) -> dict[str, Array]:
    """What a step changes: the weights from the file, the optimizer's state and adapters afresh.

    Plain weights have no adapters; those begin as `constant` gives them. Raises as `load` does.
    """
    with TensorFile(path) as file:
        specs = [spec for spec in manifest.parameters if spec.kind in ("weight", "buffer")]
        problems = _misfits(file, specs) or _other_constants(file, specs, manifest, constant)
        _refuse(path, problems)
        changing = [manifest.parameter(name) for name in manifest.state_order]
        return {spec.name: _first_value(spec, file, constant) for spec in changing}


def _first_value(spec: ParameterSpec, file: TensorFile, constant: Constant) -> Array:
    if spec.kind == "state":
        return np.zeros(spec.shape, spec.dtype)
    return constant(spec) if spec.kind == "adapter" else file[spec.name].astype(spec.dtype)


def _refuse(path: str | os.PathLike[str], problems: list[str]) -> None:
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise CheckpointError(
            f"{Path(path)} does not fit this program: {'; '.join(problems[:_SHOWN])}{more}"
        )


def _misfits(file: TensorFile, specs: list[ParameterSpec]) -> list[str]:
    problems: list[str] = []
    for spec in specs:
        if spec.name not in file:
            problems.append(f"'{spec.name}' is missing")
        elif (shape := file.entry(spec.name).shape) != spec.shape:
            problems.append(
                f"'{spec.name}' has shape {list(shape)}, the program has {list(spec.shape)}"
            )
    return problems


def _difference(text: str, manifest: Manifest) -> str:
    try:
        saved: Any = json.loads(text)
    except ValueError:
        saved = None
    if isinstance(saved, dict):
        saved = cast("dict[str, Any]", saved)
        here = {**manifest.program(), "scheme": manifest.scheme.get("name")}
        for key in ("optimizer", "loss", "scheme", "seed"):
            then, now = saved.get(key, "none"), here.get(key, "none")
            if then != now:
                return f"it was saved with the {key} {then}, the program has {now}"
    return "it was saved by another program (another model or scheme)"


def _other_constants(
    file: TensorFile, specs: list[ParameterSpec], manifest: Manifest, constant: Constant
) -> list[str]:
    changing = set(manifest.state_order)
    return [
        f"'{spec.name}', which is frozen, has another value"
        for spec in specs
        if spec.name not in changing and not _same(file[spec.name], constant(spec))
    ]


def _same(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()
