"""The threads of "local-task": they belong to the process, and its first device decides for all."""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from typing import Any

import iree.runtime  # pyright: ignore[reportMissingTypeStubs]

from pock_mlir.runtime.errors import DeviceError

rt: Any = iree.runtime

_pool: tuple[int | None, int] | None = None
"""How many threads the process has, None for IREE's own choice, and queues besides the first."""


def size_pool(threads: int | None, shards: int = 1) -> None:
    """Have `threads`, and for each shard of a batch a queue that a share of them serves.

    Queue 0 is for programs without shards: all threads serve it. Queue k has threads of its own, on
    processors of their own, so that no shard waits for another; those of queue 0 sleep then.

    Raises:
        DeviceError: another number of threads was asked for before.
    """
    global _pool
    if _pool is None:
        _pool = (threads, shards)
        if shards > 1:
            rt.flags.parse_flags(*_topologies(threads, shards))
        elif threads is not None:
            rt.flags.parse_flags(f"--task_topology_group_count={threads}")
        return
    there, queues = _pool
    if threads is not None and threads != there:
        has = "default" if there is None else there
        raise DeviceError(
            f"this process has its pool of threads ({has}) already; {threads} need a new process"
        )
    if shards > 1 and shards != queues:
        warnings.warn(
            f"the threads of this process were made for another program: {shards} shards run one "
            "after the other; a new process would run them side by side",
            RuntimeWarning,
            stacklevel=2,
        )


def _topologies(threads: int | None, shards: int) -> list[str]:
    """Flags with the processors of each queue's threads."""
    usable = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else _processors()
    taken = usable[:threads]
    own = [taken[k % len(taken) :: shards] for k in range(shards)]
    return [f"--task_topology_cpu_ids={','.join(map(str, ids))}" for ids in (taken, *own)]


def _processors() -> list[int]:
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
