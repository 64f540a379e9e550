"""SwiftShader, a Vulkan device in software, for tests that run a GPU module without a GPU.

Chromium ships it. Nothing is installed: Debian's package is unpacked into the cache directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from pock_mlir.data.fetch import cache_directory

VARIABLE = "IREE_HAL_VULKAN_LIBVULKAN_PATH"
PACKAGE, MEMBER = "chromium-common", "usr/lib/chromium/libvk_swiftshader.so"
TIMEOUT = 120


def require_swiftshader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make IREE's Vulkan driver run on SwiftShader, or skip the test and say why."""
    if not os.environ.get(VARIABLE):
        library = _library()
        if isinstance(library, str):
            pytest.skip(f"no SwiftShader: {library}")
        monkeypatch.setenv(VARIABLE, str(library))


@cache
def _library() -> Path | str:
    """Where the library is, or why it cannot be had."""
    kept = cache_directory() / "swiftshader" / Path(MEMBER).name
    for path in (kept, Path("/") / MEMBER):
        if path.is_file():
            return path
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return f"set ${VARIABLE}, or run where apt-get can download {PACKAGE}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        try:
            _run(["apt-get", "download", PACKAGE], folder)
            (package,) = Path(folder).glob("*.deb")
            _run(["dpkg-deb", "--extract", package.name, "."], folder)
            (Path(folder) / MEMBER).replace(kept)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return f"cannot download {PACKAGE} with apt-get ({error})"
    return kept


def _run(command: list[str], folder: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT)
