"""How much memory training takes."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

_PEAK = "device_bytes_peak"


class MemoryUse(TypedDict):
    """Bytes at most and now, and who counted: "device allocator" or "resident set"."""

    peak: int
    live: int
    source: str


def memory_use(now: Mapping[str, int] | None, before: Mapping[str, int] | None) -> MemoryUse:
    """{"peak", "live", "source"} from an allocator's counters, or from the process without any.

    The counters are those of all programs of the process on that kind of device, `before` this one
    was loaded and `now`. A peak that was there before says nothing; what is held now is then the
    best that is known, and with a caching allocator that is the most that was ever needed.
    """
    if not now:
        return {"peak": _peak_resident(), "live": _resident(), "source": "resident set"}
    before = before or dict.fromkeys(now, 0)
    others = _live(before)
    live = _live(now) - others
    grown = now[_PEAK] > before[_PEAK]
    peak = now[_PEAK] - others if grown else live
    return {"peak": peak, "live": live, "source": "device allocator"}


def _live(statistics: Mapping[str, int]) -> int:
    return statistics["device_bytes_allocated"] - statistics["device_bytes_freed"]


def _peak_resident() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return _peak_resident()
    return pages * resource.getpagesize()
