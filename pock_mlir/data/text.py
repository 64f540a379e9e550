"""Text files, and what of a program takes text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.samples import Array, Wanted
from pock_mlir.runtime.manifest import TensorSpec


def read(path: Path, encoding: str = "utf-8") -> str:
    """The content of a text file; a byte order mark is left out.

    Raises:
        ValueError: no such file, an unknown encoding, or bytes that are no text of that encoding;
            the message says where the first is.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"no such file: {path}") from error
    try:
        text = content.decode(encoding)
    except LookupError as error:
        raise ValueError(f"unknown encoding '{encoding}'; try utf-8 or latin-1") from error
    except UnicodeError as error:
        raise ValueError(f"{path}{_place(content, error)} is no {encoding}; {_HINT}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path}, line {line}, has a zero character: no {encoding}; {_HINT}")
    return text.removeprefix("\ufeff")


_HINT = "give the encoding that it has, such as latin-1 or utf-16"


def _place(content: bytes, error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return ""
    line = content.count(b"\n", 0, error.start) + 1
    return f", line {line} (byte {error.start} of the file)"


@dataclass(frozen=True)
class TextInputs:
    """Which inputs of a program take a text: ids [batch, tokens], and what goes with them."""

    names: tuple[str, ...]
    tokens: int
    dtypes: dict[str, str]
    roles: dict[str, str]

    def arrays(self, ids: NDArray[np.int32], mask: NDArray[np.int32]) -> list[Array]:
        """The program's inputs, in its order, for ids and mask of its length."""
        values = {"ids": ids, "mask": mask, "types": np.zeros_like(ids)}
        return [values[self.roles[name]].astype(self.dtypes[name]) for name in self.names]


def text_inputs(wanted: Wanted) -> TextInputs:
    """The inputs of a program that takes text.

    The first is token ids; others of the same shape are the attention mask (1 where there is text)
    and token types (0), told apart by `mask` and `type` in their names.

    Raises:
        ValueError: the program takes something else.
    """
    first, *others = wanted.inputs
    roles = {first.name: "ids", **{spec.name: _role(spec, first) for spec in others}}
    if len(first.shape) != 2 or np.dtype(first.dtype).kind not in "iu" or "" in roles.values():
        takes = ", ".join(f"{spec.name} {spec}" for spec in wanted.inputs)
        raise ValueError(
            f"text is token ids [batch, tokens] and, if wanted, a mask of the same shape; the "
            f"program takes {takes}"
        )
    dtypes = {spec.name: spec.dtype for spec in wanted.inputs}
    return TextInputs(tuple(roles), first.shape[1], dtypes, roles)


def _role(spec: TensorSpec, ids: TensorSpec) -> str:
    if spec.shape != ids.shape:
        return ""
    return next(
        (role for word, role in (("mask", "mask"), ("type", "types")) if word in spec.name), ""
    )


def next_tokens(wanted: Wanted) -> bool:
    """Whether the targets are the token ids themselves, as a language model has them."""
    targets: Any = wanted.targets
    return targets.shape == wanted.specs[0].shape and np.dtype(targets.dtype).kind in "iu"
