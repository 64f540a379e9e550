"""What to train on: files, a folder, or a data set that the package can fetch."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import cast

import numpy as np

from pock_mlir.cli.data_options import FORMS, IMAGES, NAMED, TEXTS, DataOptions
from pock_mlir.data import Dataset, images, npz, plain_text, tables
from pock_mlir.data import tokenizer as tokenizers
from pock_mlir.data.samples import Data, Split, Tell, Wanted
from pock_mlir.data.text import text_inputs
from pock_mlir.data.tokenizer import Tokenizer
from pock_mlir.runtime import Trainer

# Of CIFAR-10's images not all fit into memory as float32 of the usual size.
CIFAR10_TRAIN, CIFAR10_TEST = 5_000, 2_000


def wanted_by(trainer: Trainer) -> Wanted:
    """What a program takes."""
    return Wanted(trainer.inputs, trainer.classes, trainer.manifest.loss.get("ignore_index"))


def load_data(options: DataOptions, wanted: Wanted, tell: Tell = lambda text: None) -> Data:
    """The data set that the options name, for a program.

    Raises:
        ValueError: no such data set, or it does not fit the program.
        FetchError: the data set cannot be downloaded.
        ImportError: a package that reads such files is missing.
    """
    reader = _reader(options)
    _refuse_unused(options, _USES[reader])
    data = reader(options, wanted, tell)
    if options.hold_out is not None:
        data = data.held_out(options.hold_out, options.split_seed)
    return data.check(wanted).limited(options.limit)


Reader = Callable[[DataOptions, Wanted, Tell], Data]


def _reader(options: DataOptions) -> Reader:
    source, path = options.source, Path(options.source)
    if source in IMAGES:
        return _fetched_images
    if source in TEXTS:
        return _fetched_texts
    if not path.exists():
        raise ValueError(f"--data: {_missing(source)}")
    if path.is_dir():
        return _plain_text if any(path.glob("*.txt")) else _image_folder
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix]
    raise ValueError(f"--data must be {FORMS}, got '{source}'")


def _missing(source: str) -> str:
    """What to say of something that is not there: only a bare word may be meant as a name."""
    if Path(source).suffix or Path(source).name != source:
        return f"no such file or folder: {source}"
    near = get_close_matches(source, NAMED, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"data sets: {', '.join(NAMED)}"
    return f"no such file, folder or data set: {source}; {hint}"


def _npz(options: DataOptions, wanted: Wanted, tell: Tell) -> Data:
    tell("read")
    return npz.load(Path(options.source), wanted)


def _image_folder(options: DataOptions, wanted: Wanted, tell: Tell) -> Data:
    return images.load(
        Path(options.source), wanted, classes=options.classes, pixels=options.pixels, tell=tell
    )


def _table(options: DataOptions, wanted: Wanted, tell: Tell) -> Data:
    return tables.load(
        Path(options.source),
        wanted,
        _tokenizer(options),
        columns=options.columns,
        classes=options.classes,
        encoding=options.encoding,
        tell=tell,
    )


def _plain_text(options: DataOptions, wanted: Wanted, tell: Tell) -> Data:
    path = Path(options.source)
    return plain_text.load(path, wanted, _tokenizer(options), encoding=options.encoding, tell=tell)


_BY_SUFFIX: dict[str, Reader] = {
    ".npz": _npz,
    ".csv": _table,
    ".jsonl": _table,
    ".txt": _plain_text,
}


def _tokenizer(options: DataOptions) -> Tokenizer:
    if options.tokenizer is None:
        raise ValueError(f"{options.source} is text: give the model's tokenizer with --tokenizer")
    return tokenizers.load(options.tokenizer)


def _fetched_texts(options: DataOptions, wanted: Wanted, tell: Tell) -> Data:
    tokenizer = _tokenizer(options)
    if options.source == "shakespeare":
        from pock_mlir.data import shakespeare

        plays = shakespeare.load()
        train, test = (
            plain_text.blocks_of(texts, wanted, tokenizer) for texts in (plays.train, plays.test)
        )
        return Data("shakespeare", train, test, ordered=True)
    from pock_mlir.data import movie_reviews

    reviews, inputs = movie_reviews.load(), text_inputs(wanted)
    splits = (
        (reviews.train_texts, reviews.train_y),
        (reviews.test_texts, reviews.test_y),
    )
    train, test = (
        Split([*inputs.arrays(*tokenizer.rows(texts, inputs.tokens)), labels])
        for texts, labels in splits
    )
    return Data("movie-reviews", train, test, reviews.classes)


def _fetched_images(options: DataOptions, wanted: Wanted, tell: Tell) -> Data:
    shape, name = wanted.specs[0].shape, options.source
    if len(wanted.inputs) != 1 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        raise ValueError(
            f"{name} has square images of 3 channels; the program takes {wanted.specs[0]}"
        )
    loaded = _fetch(name, shape[2], options.limit)
    train, test = (
        Split(cast("list[np.ndarray]", list(arrays)))
        for arrays in ((loaded.train_x, loaded.train_y), (loaded.test_x, loaded.test_y))
    )
    return Data(name, train, test, loaded.classes)


_USES: dict[Reader, tuple[str, ...]] = {
    _npz: (),
    _image_folder: ("classes", "pixels"),
    _table: ("tokenizer", "columns", "classes", "encoding"),
    _plain_text: ("tokenizer", "encoding"),
    _fetched_texts: ("tokenizer",),
    _fetched_images: (),
}
_NAMES = {
    "tokenizer": "--tokenizer",
    "columns": "--text-column and --label-column",
    "classes": "--classes",
    "encoding": "--encoding",
    "pixels": "--mean and --std",
}


def _refuse_unused(options: DataOptions, used: tuple[str, ...]) -> None:
    """An option that would do nothing is a mistake."""
    default = DataOptions(options.source)
    given = [name for name in _NAMES if getattr(options, name) != getattr(default, name)]
    unused = [_NAMES[name] for name in given if name not in used]
    if unused:
        raise ValueError(f"{', '.join(unused)}: not for --data {options.source}")


def _fetch(name: str, size: int, limit: int | None) -> Dataset:
    if name == "elpv":
        from pock_mlir.data import elpv

        return elpv.load(size)
    from pock_mlir.data import cifar10

    return cifar10.load(size, train=limit or CIFAR10_TRAIN, test=CIFAR10_TEST)
