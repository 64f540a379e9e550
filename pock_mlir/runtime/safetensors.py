"""The safetensors format, read and written with NumPy alone.

A file is the length of its header (8 bytes, little endian), the header (JSON: for each tensor its
`dtype`, `shape` and `data_offsets`, and texts under `__metadata__`), and the bytes of the tensors
without gaps, row-major and little endian. See https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.atomic import replacing
from pock_mlir.runtime.errors import TensorFileError

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "F16": "float16",
    "U32": "uint32",
    "I32": "int32",
    "F32": "float32",
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
}
_CODES = {**{dtype: code for code, dtype in _DTYPES.items()}, "bfloat16": "BF16"}
_METADATA = "__metadata__"
_MAX_HEADER = 100_000_000
_ALIGNMENT = 8


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies: `offset` and `size` are in bytes, from the start of the whole file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int


class TensorFile(Mapping[str, NDArray[Any]]):
    """An open safetensors file, or one inside another file; a tensor is read when asked for.

    bfloat16, which NumPy lacks, is read as float32.

    Raises:
        TensorFileError: the file is missing, truncated, or does not hold to the format.
    """

    def __init__(
        self, path: str | os.PathLike[str], start: int = 0, length: int | None = None
    ) -> None:
        self.path = Path(path)
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise TensorFileError(f"cannot open {self.path}: {error.strerror}") from error
        try:
            whole = os.fstat(self._file.fileno()).st_size
            length = whole - start if length is None else length
            header, data = self._read_header(start, min(length, whole - start))
            self.metadata = _metadata(header)
            self._entries = _entries(header, data, start + length)
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
            self._file.close()
            raise TensorFileError(
                f"{self.path}: corrupt, truncated or no safetensors file: {error}"
            ) from error

    def _read_header(self, start: int, length: int) -> tuple[dict[str, Any], int]:
        size = int.from_bytes(self.read(start, 8) if length >= 8 else b"\xff" * 8, "little")
        if size > min(_MAX_HEADER, length - 8):
            raise ValueError("the header does not fit")
        header: Any = json.loads(self.read(start + 8, size))
        if not isinstance(header, dict):
            raise ValueError("the header is not a JSON object")
        return cast("dict[str, Any]", header), start + 8 + size

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset` of the whole file on."""
        data = os.pread(self._file.fileno(), size, offset)
        while len(data) < size:
            more = os.pread(self._file.fileno(), size - len(data), offset + len(data))
            if not more:
                raise TensorFileError(f"{self.path}: truncated")
            data += more
        return data

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._file.fileno()

    def entry(self, name: str) -> Entry:
        """Where the tensor `name` lies."""
        return self._entries[name]

    def __getitem__(self, name: str) -> NDArray[Any]:
        entry = self._entries[name]
        data = self.read(entry.offset, entry.size)
        if entry.dtype == "BF16":
            words = np.frombuffer(data, "<u2").astype("<u4") << np.uint32(16)
            return words.view(np.float32).reshape(entry.shape)
        dtype = np.dtype(_DTYPES[entry.dtype]).newbyteorder("<")
        return np.frombuffer(bytearray(data), dtype).reshape(entry.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def close(self) -> None:
        """Close the file; nothing can be read any more."""
        self._file.close()

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _metadata(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.pop(_METADATA, {})
    return {str(key): str(value) for key, value in metadata.items()}


def _entries(header: dict[str, Any], data: int, end: int) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    expected = 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = tensor["data_offsets"]
        shape = tuple(int(n) for n in tensor["shape"])
        size = math.prod(shape) * _item_size(tensor["dtype"])
        if first != expected or last != first + size or any(n < 0 for n in shape):
            raise ValueError(f"the bytes of '{name}' are not where they should be")
        entries[name] = Entry(tensor["dtype"], shape, data + first, size)
        expected = last
    if data + expected != end:
        raise ValueError(f"{end - data} bytes of tensors, {expected} expected")
    return {name: entries[name] for name in header}


def _item_size(code: str) -> int:
    if code == "BF16":
        return 2
    if code not in _DTYPES:
        raise ValueError(f"unknown dtype {code!r}")
    return np.dtype(_DTYPES[code]).itemsize


def write_tensors(
    file: BinaryIO, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors to an open file, in the order of the mapping.

    Raises:
        TensorFileError: a tensor has a dtype that the format does not know.
    """
    header: dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    position = 0
    for name, tensor in tensors.items():
        if tensor.dtype.name not in _CODES:
            raise TensorFileError(f"'{name}' has dtype {tensor.dtype}, which safetensors lacks")
        header[name] = {
            "dtype": _CODES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [position, position + tensor.nbytes],
        }
        position += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in tensors:
        tensor = tensors[name]
        if tensor.dtype.name == "bfloat16":  # of a package that NumPy does not know
            tensor = tensor.view(np.uint16)
        file.write(tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes())


def save_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors to a file that takes the place of `path` as a whole, or not at all."""
    with replacing(path) as file:
        write_tensors(file, tensors, metadata)
