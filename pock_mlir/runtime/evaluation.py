"""Figures of a program over data: batch by batch, whatever the batches' lengths are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime import losses
from pock_mlir.runtime.batches import chunks
from pock_mlir.runtime.manifest import Manifest

Arrays = list[NDArray[Any]]
Call = Callable[..., Sequence[NDArray[Any]]]
"""Calls a function of the module by its name."""


def evaluate(
    manifest: Manifest, call: Call, data: Iterable[Arrays], size: int | None
) -> dict[str, float]:
    """Mean "loss" and further figures over batches of (inputs..., targets...), which are checked.

    `size` is the compiled batch size; None where there is none, so that each batch goes as it is.
    A loss of the user's is known for whole batches only: the last rows that fill none are left out.

    Raises:
        ValueError: there is no data, or not enough to fill a batch.
    """
    custom = manifest.loss.get("kind") == "custom"
    total: losses.Sums = {}
    for batch in _whole_batches(data, size) if custom else data:
        for piece, rows in chunks(batch, size or max(1, len(batch[0]))):
            more = _custom(call, piece) if custom else _known(manifest, call, piece, rows)
            total = losses.add(total, more)
    if custom and not total:
        raise ValueError(f"nothing to evaluate: the data does not fill a batch of {size}")
    return losses.means(total, manifest.loss)


def _custom(call: Call, batch: Arrays) -> losses.Sums:
    (loss,) = call("evaluate", *batch)
    return {"loss": (float(loss), 1.0)}


def _known(manifest: Manifest, call: Call, batch: Arrays, rows: int) -> losses.Sums:
    outputs = call("predict", *batch[:-1])[0]
    return losses.score(manifest.loss, outputs[:rows], batch[-1][:rows])


def _whole_batches(data: Iterable[Arrays], size: int | None) -> Iterator[Arrays]:
    """The same rows in batches of exactly `size`."""
    rest: Arrays = []
    for batch in data:
        if size is None:
            yield batch
            continue
        rest = [np.concatenate(pair) for pair in zip(rest, batch, strict=True)] if rest else batch
        whole = len(rest[0]) // size * size
        for start in range(0, whole, size):
            yield [array[start : start + size] for array in rest]
        rest = [array[whole:] for array in rest]
