"""Batches that are made while a step runs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_Batch = TypeVar("_Batch")
_END: Final = object()

WORTH = 1e-3
"""Seconds that making an item takes at least for another thread to make it: for a tenth of that,
two threads of Python hand it over."""


def prefetched(data: Iterable[_Batch]) -> Generator[_Batch, None, None]:
    """The items of `data`, each of which is made in another thread while the one before is in use.

    Items that are made quickly are made where they are asked for, until one takes time; the first,
    which may have to open files, says nothing. What `data` raises is raised where the item would
    have come.
    """
    iterator = iter(data)
    for number in itertools.count():
        started = time.perf_counter()
        item = next(iterator, _END)
        took = time.perf_counter() - started
        if item is _END:
            return
        yield item  # pyright: ignore[reportReturnType]
        if number and took >= WORTH:
            yield from _in_a_thread(iterator)
            return


def _in_a_thread(iterator: Iterator[_Batch]) -> Generator[_Batch, None, None]:
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        coming = pool.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, iterator, _END)
            yield item  # pyright: ignore[reportReturnType]
