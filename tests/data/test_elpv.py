"""The solar-cell photos: a made-up package always, the real one where it can be fetched."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pock_mlir.data import Dataset, FetchError, elpv
from pock_mlir.data.fetch import PythonPackage

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def photos() -> Dataset:
    try:
        return elpv.load(32)
    except FetchError as error:
        pytest.skip(str(error))


def test_split_is_the_one_stated(photos: Dataset):
    assert photos.train_x.shape == (1968, 3, 32, 32)
    assert photos.test_x.shape == (656, 3, 32, 32)
    assert np.bincount(photos.train_y).tolist() == [1131, 221, 80, 536]
    assert np.bincount(photos.test_y).tolist() == [377, 74, 26, 179]


def test_arrays_are_what_a_trainer_takes(photos: Dataset):
    assert photos.train_x.dtype == np.float32 and photos.train_y.dtype == np.int32
    assert photos.train_x.min() >= -1 and photos.train_x.max() <= 1
    assert np.array_equal(photos.test_x[:, 0], photos.test_x[:, 2])


def test_no_photo_is_in_both_splits(photos: Dataset):
    train = {image.tobytes() for image in photos.train_x[:, 0]}
    shared = sum(image.tobytes() in train for image in photos.test_x[:, 0])
    assert shared == 0


def fake_wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        rows = []
        for i, probability in enumerate(("0.0", "0.3333333333333333", "0.6666666666666666", "1.0")):
            png = io.BytesIO()
            Image.fromarray(np.full((300, 300), 50 * i, np.uint8)).save(png, "png")
            wheel.writestr(f"elpv_dataset/data/images/{i}.png", png.getvalue())
            rows.append(f"images/{i}.png  {probability} mono")
        wheel.writestr("elpv_dataset/data/labels.csv", "\n".join([*rows, ""]))
    return buffer.getvalue()


def test_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "fake.whl"
    path.write_bytes(fake_wheel())
    monkeypatch.setattr(PythonPackage, "fetch", lambda self, report: path)
    arrays = elpv.decode(24, report=lambda message: None)
    assert arrays["labels"].tolist() == [0, 1, 2, 3]
    assert arrays["images"].shape == (4, 24, 24)
    assert arrays["images"][:, 3, 5].tolist() == [0, 50, 100, 150]
