"""Checking the arrays that people pass, and cutting data into batches of the compiled size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pock_mlir.runtime.manifest import TensorSpec


def check_batch(
    specs: Sequence[TensorSpec], arrays: Sequence[ArrayLike], *, any_length: bool = False
) -> list[NDArray[Any]]:
    """The arrays as the module wants them: type, shape, row-major.

    A float of another precision is cast, and so is an integer of another size when its values fit.
    With `any_length` the first dimension may be of any size, the same for all. Indices, such as
    token ids, are checked against the table that they index.

    Raises:
        ValueError: names the array, what was expected and what was got.
    """
    if len(arrays) != len(specs):
        wanted = ", ".join(f"{spec.name} {spec}" for spec in specs)
        raise ValueError(f"expected {len(specs)} arrays ({wanted}), got {len(arrays)}")
    checked = [_check(spec, array, any_length) for spec, array in zip(specs, arrays, strict=True)]
    lengths = [array.shape[:1] for array in checked]
    if any_length and len(set(lengths)) > 1:
        names = ", ".join(f"{s.name}: {n[0]}" for s, n in zip(specs, lengths, strict=True))
        raise ValueError(f"the arrays of a batch have different lengths ({names})")
    return checked


def _check(spec: TensorSpec, value: ArrayLike, any_length: bool) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"'{spec.name}': expected {spec}, got rows of different lengths; fill up the short ones"
        ) from error
    free = 1 if any_length and spec.shape else 0
    wrong_rank = array.ndim != len(spec.shape)
    if wrong_rank or array.shape[free:] != spec.shape[free:] or not _same_kind(spec, array):
        raise ValueError(f"'{spec.name}': {_misfit(spec, array, free)}")
    if spec.limit is not None:
        _check_indices(spec, array, spec.limit)
    return np.ascontiguousarray(_cast(spec, array)).reshape(array.shape)


def _misfit(spec: TensorSpec, array: NDArray[Any], free: int) -> str:
    """What was expected and what was got: of a sample, where there may be any number of them."""
    got = TensorSpec(spec.name, array.shape, array.dtype.name)
    if not free or not array.shape:
        return f"expected {spec}, got {got}"
    wanted, got = (replace(each, shape=each.shape[1:]) for each in (spec, got))
    return f"expected {wanted} for each sample, got {got}"


def _check_indices(spec: TensorSpec, array: NDArray[Any], limit: int) -> None:
    outside = (array < 0) | (array >= limit)
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"'{spec.name}': {array[place]}, at {list(place)}, is outside the table that it "
            f"indexes, 0 to {limit - 1}"
        )


def _same_kind(spec: TensorSpec, array: NDArray[Any]) -> bool:
    kinds = {np.dtype(spec.dtype).kind, array.dtype.kind}
    return len(kinds) == 1 or kinds == {"i", "u"}


def _cast(spec: TensorSpec, array: NDArray[Any]) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if array.dtype == dtype or array.size == 0:
        return array
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise ValueError(f"'{spec.name}': values from {low} to {high} do not fit {spec.dtype}")
        return array.astype(dtype)
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if np.isinf(cast).any() and not np.isinf(array).any():
        raise ValueError(f"'{spec.name}': values are too large for {spec.dtype}")
    return cast


def check_labels(
    spec: TensorSpec, labels: NDArray[Any], classes: int, ignored: int | None = None
) -> None:
    """Raise ValueError when a label is neither in [0, classes) nor the one to ignore."""
    outside = (labels < 0) | (labels >= classes)
    if ignored is not None:
        outside &= labels != ignored
    if outside.any():
        wrong = labels[outside].flat[0]
        but = "" if ignored is None else f" (and not {ignored}, which is ignored)"
        raise ValueError(
            f"'{spec.name}': label {wrong} is outside the classes 0 to {classes - 1}{but}"
        )


def chunks(arrays: Sequence[NDArray[Any]], size: int) -> Iterator[tuple[list[NDArray[Any]], int]]:
    """Cut arrays along the first dimension into pieces of `size`, with the count of true rows.

    The last piece is filled up by repeating its last row.
    """
    for start in range(0, len(arrays[0]), size):
        piece = [array[start : start + size] for array in arrays]
        count = len(piece[0])
        if count < size:
            piece = [np.concatenate([a, np.repeat(a[-1:], size - count, axis=0)]) for a in piece]
        yield piece, count
