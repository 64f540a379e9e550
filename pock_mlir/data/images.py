"""Images in class folders: `FOLDER/<class>/<image>`, or the same below `train` and `test`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from pock_mlir.data.samples import Array, Data, Split, Tell, Wanted, class_numbers, listed

TEST_NAMES = ("test", "val", "validation")
_TOLD_EVERY = 200


@dataclass(frozen=True)
class Pixels:
    """How bytes become floats: `(byte - mean) / std`, one number or one a channel."""

    mean: tuple[float, ...] = (127.0,)
    std: tuple[float, ...] = (128.0,)


@dataclass(frozen=True)
class Layout:
    """Images of a program: their size, and where the channels are."""

    height: int
    width: int
    channels: int
    channels_first: bool

    @property
    def mode(self) -> str:
        """Pillow's name of the kind of pixels."""
        return "L" if self.channels == 1 else "RGB"

    def prepare(self, pixels: Pixels) -> Callable[[Array], Array]:
        """Bytes [N, H, W, C] -> float32 [N, C, H, W] or [N, H, W, C]."""
        mean, std = (np.array(each, np.float32) for each in (pixels.mean, pixels.std))

        def scaled(images: Array) -> Array:
            floats = (images.astype(np.float32) - mean) / std
            return floats.transpose(0, 3, 1, 2) if self.channels_first else floats

        return scaled


def layout_of(wanted: Wanted) -> Layout:
    """The images that a program takes. Raises ValueError where it takes none."""
    shape = wanted.specs[0].shape
    if len(wanted.inputs) == 1 and wanted.classes is not None and len(shape) == 4:
        _, a, b, c = shape
        if a in (1, 3):
            return Layout(b, c, a, channels_first=True)
        if c in (1, 3):
            return Layout(a, b, c, channels_first=False)
    takes = ", ".join(f"{spec.name} {spec}" for spec in wanted.specs)
    raise ValueError(
        f"class folders hold images and labels; the program takes {takes}, which is no batch of "
        "images with 1 or 3 channels and their labels"
    )


def load(
    folder: Path,
    wanted: Wanted,
    *,
    classes: Sequence[str] | None = None,
    pixels: Pixels | None = None,
    tell: Tell = lambda text: None,
) -> Data:
    """Every image below a folder of class folders, resized to the program's size.

    Kept as bytes and made floats batch by batch. Hidden files are left out; classes have the
    numbers of their names in sorted order, unless `classes` gives the order.

    Raises:
        ValueError: there are no class folders, one has no images, files are no images (all of
            them are listed), or the classes are not the program's.
        ImportError: pillow is missing.
    """
    layout, pixels = layout_of(wanted), pixels or Pixels()
    for name, each in (("mean", pixels.mean), ("std", pixels.std)):
        if len(each) not in (1, layout.channels):
            raise ValueError(f"{name} of {len(each)} numbers for {layout.channels} channels")
    splits = _splits(folder)
    found = [name for below in splits for name in _class_folders(below)]
    numbered = class_numbers(folder.name, found, wanted, classes)
    made = [_load_split(below, numbered, layout, pixels, tell) for below in splits]
    return Data(folder.name, made[0], made[1] if len(made) > 1 else None, numbered)


def _splits(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder}")
    train = folder / "train"
    if not train.is_dir():
        return [folder]
    tests = [folder / name for name in TEST_NAMES if (folder / name).is_dir()]
    return [train, *tests[:1]]


def _class_folders(folder: Path) -> list[str]:
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise ValueError(f"{folder} has no class folders: images belong in {folder}/<class>/")
    return names


def _load_split(
    folder: Path, classes: tuple[str, ...], layout: Layout, pixels: Pixels, tell: Tell
) -> Split:
    files: list[Path] = []
    labels: list[int] = []
    empty: list[str] = []
    for name in _class_folders(folder):
        inside = sorted(
            p for p in (folder / name).rglob("*") if p.is_file() and not p.name.startswith(".")
        )
        empty += [] if inside else [name]
        files += inside
        labels += [classes.index(name)] * len(inside)
    if empty:
        raise ValueError(f"{folder}: class folders without images: {listed(empty)}")
    images = _read_all(folder, files, layout, tell)
    return Split([images, np.array(labels, np.int32)], layout.prepare(pixels))


def _read_all(folder: Path, files: Sequence[Path], layout: Layout, tell: Tell) -> NDArray[np.uint8]:
    pillow = _pillow()
    broken = (OSError, ValueError, SyntaxError, struct.error, pillow.DecompressionBombError)
    images = np.empty((len(files), layout.height, layout.width, layout.channels), np.uint8)
    wrong: list[str] = []
    for i, file in enumerate(files):
        if i % _TOLD_EVERY == 0:
            tell(f"read images: {i} of {len(files)}")
        try:
            images[i] = _read(file, layout, pillow)
        except broken as error:
            reason = "" if isinstance(error, pillow.UnidentifiedImageError) else f" ({error})"
            wrong.append(f"{file.relative_to(folder)}{reason}")
    if wrong:
        raise ValueError(f"{folder}: files that are no image: {listed(wrong)}")
    return images


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ImportError("images need pillow: pip install 'pock-mlir[demo]'") from error
    return Image


def _read(file: Path, layout: Layout, pillow: ModuleType) -> NDArray[np.uint8]:
    """One image [H, W, C], upright."""
    from PIL import ImageOps

    with pillow.open(file) as image:
        upright = ImageOps.exif_transpose(image).convert(layout.mode)
        resized = upright.resize((layout.width, layout.height), pillow.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8).reshape(layout.height, layout.width, layout.channels)
