"""Values of parameters: their element types as MLIR writes them."""

from __future__ import annotations

from string import ascii_lowercase

import ml_dtypes
import numpy as np

_SPECIAL = {"bool": "i1", "bfloat16": "bf16"}
_FLOATS = ("float16", "float32", "float64", "bfloat16")
_INTEGERS = tuple(f"{sign}int{width}" for sign in ("", "u") for width in (8, 16, 32, 64))
_DTYPES = (*_FLOATS, *_INTEGERS, "bool")


def element_of(dtype: np.dtype | str) -> str | None:
    """The MLIR element type of a NumPy dtype; None where it cannot be compiled."""
    name = np.dtype(dtype).name
    if name not in _DTYPES:
        return None
    if name in _SPECIAL:
        return _SPECIAL[name]
    prefix = "ui" if name.startswith("uint") else name[0]
    return prefix + name.lstrip(ascii_lowercase)


def kind_of(dtype: np.dtype | str) -> str:
    """The kind of a parameter that the framework does not tell: floats are weights."""
    return "weight" if np.dtype(dtype).name in _FLOATS else "buffer"


BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
"""NumPy has no bfloat16 of its own."""
