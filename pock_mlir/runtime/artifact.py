"""A `.pock` file: a zip of a manifest, a compiled module and the values of its parameters.

    manifest.json               what the rest is (`Manifest`)
    module.vmfb                 the code, for one target
    parameters.safetensors      what the module reads, in the layout in which it stores it
    frozen.safetensors          parameters of the model that the module does not hold (they were
                                folded into others), in the framework's layout

Nothing is compressed, so that the runtime reads parameters from the file straight into the device's
memory. The state of the optimizer is not in the file: it starts as zeros.

Nothing is a pickle, so that looking into a file runs nothing. Training runs the module's machine
code: only do that with files whose maker you trust.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from numpy.typing import NDArray

from pock_mlir.runtime.atomic import replacing
from pock_mlir.runtime.errors import ArtifactError, TensorFileError
from pock_mlir.runtime.manifest import Manifest
from pock_mlir.runtime.safetensors import TensorFile, write_tensors

MANIFEST, MODULE = "manifest.json", "module.vmfb"
PARAMETERS, FROZEN = "parameters.safetensors", "frozen.safetensors"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_CHUNK = 1 << 20
# What zipfile raises on damaged files, besides its own exception.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    MemoryError,
    struct.error,
)


@dataclass(frozen=True)
class Artifact:
    """A compiled program: what `load_artifact` reads and `save_artifact` writes.

    `parameters` are in the stored layout, `frozen` in the framework's; the mappings may read from
    an open file when they are asked.
    """

    manifest: Manifest
    module: bytes
    parameters: Mapping[str, NDArray[Any]]
    frozen: Mapping[str, NDArray[Any]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the `.pock` file `path`, as a whole or not at all."""
        save_artifact(path, self)


class _Hashing:
    """A file-like that hashes what passes through."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)


def save_artifact(path: str | os.PathLike[str], artifact: Artifact) -> None:
    """Write a `.pock` file beside `path` and rename it; fills in the manifest's checksums."""
    parts: dict[str, Callable[[BinaryIO], object]] = {
        MODULE: lambda file: file.write(artifact.module),
        PARAMETERS: lambda file: write_tensors(file, artifact.parameters),
        FROZEN: lambda file: write_tensors(file, artifact.frozen),
    }
    checksums: dict[str, str] = {}
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, write in parts.items():
            checksums[name] = _add(archive, name, write)
        text = replace(artifact.manifest, checksums=checksums).to_json().encode()
        _add(archive, MANIFEST, lambda file: file.write(text))


def _add(archive: zipfile.ZipFile, name: str, write: Callable[[BinaryIO], object]) -> str:
    # A fixed date: the same program gives the same file.
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        hashing = _Hashing(member)
        write(cast("BinaryIO", hashing))
    return hashing.digest.hexdigest()


def load_artifact(path: str | os.PathLike[str], *, verify: bool = True) -> Artifact:
    """Open a `.pock` file, and check that all its bytes are those that were written.

    Raises:
        ArtifactError: there is no such file, it is damaged, or of a newer format.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"no such file: {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = Manifest.from_json(archive.read(MANIFEST))
            extents = {name: _extent(archive, name) for name in (MODULE, PARAMETERS, FROZEN)}
        with path.open("rb") as file:
            module = _read(file, *extents[MODULE])
            if verify:
                for name, extent in extents.items():
                    _verify(file, name, extent, manifest.checksums.get(name))
        parameters = TensorFile(path, *extents[PARAMETERS])
        frozen = TensorFile(path, *extents[FROZEN])
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from error
    except (*_ZIP_ERRORS, TensorFileError) as error:
        raise ArtifactError(f"{path}: corrupt, truncated or no .pock file ({error})") from error
    _check_parameters(path, manifest, parameters, frozen)
    return Artifact(manifest, module, parameters, frozen)


def _extent(archive: zipfile.ZipFile, name: str) -> tuple[int, int]:
    """Offset and size of the bytes of a member of the archive."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise ArtifactError(f"{name} is compressed, which no .pock file is")
    file = cast("BinaryIO", archive.fp)
    file.seek(info.header_offset)
    magic, name_size, extra_size = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if magic != b"PK\x03\x04":
        raise ArtifactError(f"{name} is not where the archive says")
    return info.header_offset + _LOCAL_HEADER.size + name_size + extra_size, info.file_size


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _verify(file: BinaryIO, name: str, extent: tuple[int, int], expected: str | None) -> None:
    offset, left = extent
    digest = hashlib.sha256()
    file.seek(offset)
    while left > 0 and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    if left or digest.hexdigest() != expected:
        raise ArtifactError(f"{name} is damaged: its checksum does not match the manifest")


def _check_parameters(
    path: Path, manifest: Manifest, parameters: TensorFile, frozen: TensorFile
) -> None:
    for spec in manifest.parameters:
        if spec.kind == "state":
            continue
        file, shape = (parameters, spec.stored_shape) if spec.in_module else (frozen, spec.shape)
        if spec.name not in file or file.entry(spec.name).shape != shape:
            raise ArtifactError(f"{path}: no value of shape {list(shape)} for '{spec.name}'")
