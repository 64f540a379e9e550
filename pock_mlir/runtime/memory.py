"""How much memory training takes."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from pathlib import Path


def memory_use(statistics: Mapping[str, int] | None) -> dict[str, int | str]:
    """{"peak", "live", "source"} from an allocator's counters, or from the process without any."""
    if not statistics:
        return {"peak": _peak_resident(), "live": _resident(), "source": "resident set"}
    device = {key: statistics[f"device_bytes_{key}"] for key in ("peak", "allocated", "freed")}
    live = device["allocated"] - device["freed"]
    return {"peak": device["peak"], "live": live, "source": "device allocator"}


def _peak_resident() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return _peak_resident()
    return pages * resource.getpagesize()
