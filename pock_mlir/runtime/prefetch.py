"""Batches that are made while a step runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_Batch = TypeVar("_Batch")
_END: Final = object()


def prefetched(data: Iterable[_Batch]) -> Generator[_Batch, None, None]:
    """The items of `data`, each of which is made in another thread while the one before is in use.

    What `data` raises is raised where the item would have come.
    """
    iterator = iter(data)
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        coming = pool.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, iterator, _END)
            yield item  # pyright: ignore[reportReturnType]
