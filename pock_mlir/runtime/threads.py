"""The threads of "local-task": they belong to the process, and its first device decides for all."""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import iree.runtime  # pyright: ignore[reportMissingTypeStubs]

from pock_mlir.runtime.errors import DeviceError

rt: Any = iree.runtime

_pool: tuple[int | None, int] | None = None
"""How many threads the process has, None for IREE's own choice, and for how many shards."""


def size_pool(threads: int | None, shards: int = 1) -> None:
    """Have `threads`, and for each shard of a batch a queue that a share of them serves.

    What has no shards is in queue 0, which all threads serve. The other queues have threads of
    their own, on processors of their own, so that no shard waits for another; those of queue 0
    sleep then. So with shards there are no more threads to a queue than processors.

    Raises:
        DeviceError: another number of threads was asked for before.
    """
    global _pool
    if _pool is None:
        _pool = (threads, shards)
        if shards > 1:
            rt.flags.parse_flags(*_topologies(_processors()[:threads], shards))
        elif threads is not None:
            rt.flags.parse_flags(f"--task_topology_group_count={threads}")
        return
    there, queues = _pool
    if threads is not None and threads != there:
        has = "default" if there is None else there
        raise DeviceError(
            f"this process has its pool of threads ({has}) already; {threads} need a new process"
        )
    if shards > queues:
        warnings.warn(
            f"this process has threads for {queues} of the program's {shards} shards at a time; "
            "in a new process, all would run side by side",
            RuntimeWarning,
            stacklevel=4,  # who makes the Trainer
        )


def _topologies(processors: Sequence[int], shards: int) -> list[str]:
    """Flags with the processors of each queue's threads.

    A command says its queues as bits, and IREE takes these, as a number, modulo the count of
    queues. With 3 or 5, all bits are 0, and the bits 1, 2, ... alone are all others, each once.
    """
    count = 3 if shards == 2 else 5
    own = {
        pow(2, k + 1, count): list(processors)[k % len(processors) :: shards] for k in range(shards)
    }
    queues = [own.get(queue, processors) for queue in range(count)]
    return [f"--task_topology_cpu_ids={','.join(map(str, each))}" for each in queues]


def _processors() -> list[int]:
    """Those that this process may run on."""
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Have the C library keep what a step frees.

    IREE's caching allocator is not asked for the transients of a step on "local-task". Those are a
    few large blocks, which glibc takes from the kernel and gives back each time: up to half of the
    time of a step goes into clearing their pages.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
