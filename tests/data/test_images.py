from pathlib import Path

import numpy as np
import pytest

from pock_mlir.data import images
from pock_mlir.data.images import Pixels
from pock_mlir.data.samples import Wanted
from tests.data.toys import PHOTOS, spec

Image = pytest.importorskip("PIL.Image")


def photo(path: Path, colour: tuple[int, int, int] = (255, 127, 0), size: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photo(tmp_path / "cats" / "1.png")
    photo(tmp_path / "cats" / "more" / "2.jpg", (0, 0, 0))
    photo(tmp_path / "dogs" / "3.png", (9, 9, 9))
    (tmp_path / "dogs" / ".hidden").write_text("no image")
    return tmp_path


def test_images_come_in_the_programs_size(folder: Path) -> None:
    data = images.load(folder, PHOTOS).check(PHOTOS)
    assert data.classes == ("cats", "dogs")
    assert str(data) == f"{folder.name}: 3 training samples"
    x, y = data.train.rows(slice(None))
    assert x.shape == (3, 3, 8, 6) and x.dtype == np.float32
    assert y.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(x[0, :, 2, 3], np.array([1, 0, -127 / 128], np.float32))
    assert data.train.arrays[0].dtype == np.uint8


def test_channels_last_gray_and_other_pixels(folder: Path) -> None:
    wanted = Wanted((spec("x", 2, 8, 6, 1, dtype="float32"), spec("targets", 2)), 2)
    data = images.load(folder, wanted, pixels=Pixels((9.0,), (2.0,))).check(wanted)
    x, _ = data.train.rows(slice(2, 3))
    np.testing.assert_array_equal(x, np.zeros((1, 8, 6, 1), np.float32))


def test_a_mean_for_each_channel(folder: Path) -> None:
    pixels = Pixels((255.0, 127.0, 0.0), (1.0, 2.0, 4.0))
    x, _ = images.load(folder, PHOTOS, pixels=pixels).train.rows(slice(1))
    np.testing.assert_array_equal(x, 0)
    with pytest.raises(ValueError, match="std of 2 numbers for 3 channels"):
        images.load(folder, PHOTOS, pixels=Pixels(std=(1.0, 2.0)))


def test_two_splits_share_the_classes(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/2.png", "val/b/3.png"):
        photo(tmp_path / name)
    data = images.load(tmp_path, PHOTOS)
    assert data.test is not None
    assert data.train.arrays[1].tolist() == [0, 1]
    assert data.test.arrays[1].tolist() == [1]


def test_the_order_of_the_classes_can_be_given(folder: Path) -> None:
    data = images.load(folder, PHOTOS, classes=("dogs", "cats"))
    assert data.train.arrays[1].tolist() == [1, 1, 0]
    with pytest.raises(ValueError, match="no such class: dogs; there is cats, cows"):
        images.load(folder, PHOTOS, classes=("cats", "cows"))


def test_files_that_are_no_images_are_all_named(folder: Path) -> None:
    (folder / "cats" / "notes.txt").write_text("not an image")
    content = (folder / "dogs" / "3.png").read_bytes()
    (folder / "dogs" / "cut.png").write_bytes(content[:-30])
    with pytest.raises(ValueError, match=r"no image: cats/notes.txt, dogs/cut.png \("):
        images.load(folder, PHOTOS)


def test_class_folders_without_images(folder: Path) -> None:
    (folder / "dogs" / "3.png").unlink()
    with pytest.raises(ValueError, match="class folders without images: dogs"):
        images.load(folder, PHOTOS)


def test_too_many_classes_for_the_program(folder: Path) -> None:
    photo(folder / "owls" / "4.png")
    with pytest.raises(ValueError, match=r"3 classes \(cats, dogs, owls\), the program tells 2"):
        images.load(folder, PHOTOS)


def test_no_class_folders(tmp_path: Path) -> None:
    photo(tmp_path / "1.png")
    with pytest.raises(ValueError, match="has no class folders: images belong in .*/<class>/"):
        images.load(tmp_path, PHOTOS)
    with pytest.raises(ValueError, match="no such folder"):
        images.load(tmp_path / "none", PHOTOS)


def test_a_program_that_takes_no_images(folder: Path) -> None:
    wanted = Wanted((spec("x", 2, 5, dtype="float32"), spec("targets", 2)), 2)
    with pytest.raises(ValueError, match=r"the program takes x float32\[2, 5\], targets int32"):
        images.load(folder, wanted)
