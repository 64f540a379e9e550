"""A batch in the parts that a compiled program takes: each shard is an argument of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.manifest import TensorSpec

Array = NDArray[Any]

MOST_SHARDS = 4
"""For more, IREE's numbering leaves no queue of its own to each (`threads.py`)."""


def split(arrays: Sequence[Array], shards: int) -> list[Array]:
    """The rows of each array in `shards` equal parts, which are no copies."""
    if shards == 1:  # there may be scalars
        return list(arrays)
    return [part for array in arrays for part in np.split(array, shards)]


def joined(specs: Sequence[TensorSpec], results: Sequence[Array], shards: int) -> list[Array]:
    """The results of a function that `specs` describe; it returns those with rows in parts."""
    if shards == 1:
        return list(results)
    parts = iter(results)
    return [
        np.concatenate([next(parts) for _ in range(shards)]) if spec.shape else next(parts)
        for spec in specs
    ]
