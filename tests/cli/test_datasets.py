from pathlib import Path

import numpy as np
import pytest

from pock_mlir.cli import datasets
from pock_mlir.cli.data_options import DataOptions
from pock_mlir.data import Dataset, Texts
from pock_mlir.data.images import Pixels
from pock_mlir.data.samples import Data, Wanted
from pock_mlir.data.shakespeare import Plays
from pock_mlir.data.tables import Columns
from pock_mlir.runtime import TensorSpec
from tests.cli.conftest import Pock
from tests.data import toys
from tests.runtime.programs import batch

SPECS = (TensorSpec("image", (6, 8), "float32"), TensorSpec("targets", (6,), "int32"))
TWO_INPUTS = (*SPECS[:1], TensorSpec("other", (6, 2), "float32"), SPECS[1])
X, Y = batch(0, 10)


def load_data(
    source: str, specs: tuple[TensorSpec, ...], labels: int | None = None, **options: object
) -> Data:
    chosen = DataOptions(source, **options)  # pyright: ignore[reportArgumentType]
    return datasets.load_data(chosen, Wanted(specs, labels))


def save(tmp_path: Path, **arrays: np.ndarray) -> str:
    np.savez(tmp_path / "d.npz", allow_pickle=True, **arrays)
    return str(tmp_path / "d.npz")


@pytest.mark.parametrize("names", [("x", "y"), ("image", "targets"), ("x", "targets")])
def test_one_split(tmp_path: Path, names: tuple[str, str]) -> None:
    data = load_data(save(tmp_path, **{names[0]: X, names[1]: Y}), SPECS)
    assert data.test is None
    np.testing.assert_array_equal(data.train.arrays[0], X)
    assert str(data) == "d.npz: 10 training samples"


def test_two_splits_and_a_limit(tmp_path: Path) -> None:
    path = save(tmp_path, train_x=X, train_y=Y, test_x=X[:3], test_y=Y[:3])
    data = load_data(path, SPECS, limit=4)
    assert data.test is not None
    assert (len(data.train), len(data.test)) == (4, 3)
    assert [len(arrays[0]) for arrays in data.test.batches(2)] == [2, 1]


def test_several_inputs_go_by_name(tmp_path: Path) -> None:
    data = load_data(save(tmp_path, image=X, other=X[:, :2], y=Y), TWO_INPUTS)
    np.testing.assert_array_equal(data.train.arrays[1], X[:, :2])
    with pytest.raises(ValueError, match="it has x, y"):
        load_data(save(tmp_path, x=X, y=Y), TWO_INPUTS)


BAD = [
    ({"x": X}, "must have arrays 'x' and 'y', .*; it has x"),
    ({}, "it has nothing"),
    ({"x": X, "y": Y[:4]}, "differ in length: x 10, y 4"),
    ({"x": X, "y": np.array(3)}, "differ in length: x 10, y none"),
    ({"x": X[:0], "y": Y[:0]}, "the data set is empty"),
    (
        {"x": X[:, :7], "y": Y},
        r"d.npz: 'x': expected float32\[8\] for each sample, got float32\[7\]$",
    ),
    (
        {"train_x": X, "train_y": Y, "test_x": X[:, 0], "test_y": Y},
        r"d.npz: 'test_x': expected float32\[8\] for each sample, got float32$",
    ),
    (
        {"image": X.astype(int), "y": Y},
        r"d.npz: 'image': expected float32\[8\] for each sample, got int64\[8\]$",
    ),
    ({"x": X.astype(object), "y": Y}, "no .npz file of plain arrays"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_files_that_do_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_data(save(tmp_path, **arrays), SPECS)


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.npz", None, "no such file"),
        ("b.npz", b"no zip", "no .npz file of plain arrays"),
        ("c.tsv", b"1,2", "--data must be elpv, cifar10, movie-reviews, .* FILE.txt or FOLDER"),
        ("c.csv", None, "--data: no such file or folder: .*c.csv$"),
        ("photos", None, "--data: no such file or folder: .*photos$"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load_data(str(tmp_path / name), SPECS)
    path = Path(save(tmp_path, x=X, y=Y))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="no .npz file of plain arrays"):
        load_data(str(path), SPECS)


def test_a_word_that_is_no_path_may_be_meant_as_a_name() -> None:
    for word, hint in (("elvp", r"did you mean elpv\?"), ("photos", "data sets: elpv, cifar10, ")):
        message = f"--data: no such file, folder or data set: {word}; {hint}"
        with pytest.raises(ValueError, match=message):
            load_data(word, SPECS)


def test_fetched_data_comes_in_the_size_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.zeros((6, 3, 32, 32), np.float32)
    labels = np.zeros(6, np.int32)

    def fetch(name: str, size: int, limit: int | None) -> Dataset:
        assert (name, size, limit) == ("elpv", 32, 5)
        return Dataset("elpv", ("a", "b"), images, labels, images[:2], labels[:2])

    monkeypatch.setattr(datasets, "_fetch", fetch)
    specs = (TensorSpec("x", (2, 3, 32, 32), "float32"), TensorSpec("y", (2,), "int32"))
    data = load_data("elpv", specs, limit=5)
    assert str(data) == "elpv: 5 training samples, 2 test"
    with pytest.raises(ValueError, match=r"square images of 3 channels; .* float32\[6, 8\]"):
        load_data("elpv", SPECS)


@pytest.mark.parametrize("command", ["train", "eval"])
def test_labels_outside_the_classes(
    pock: Pock, program: Path, tmp_path: Path, command: str
) -> None:
    result = pock(command, program, "--data", save(tmp_path, x=X, y=Y + 4))
    assert result.exit_code == 1
    assert "is outside the classes 0 to 3" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: d.npz: 'y': label ")


def test_text_needs_a_tokenizer(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "t.json").write_text(toys.JSON)
    path = tmp_path / "d.csv"
    path.write_text("text,label\ngood film,1\nbad,0\nbad film,0\ngood,1\n")
    specs = toys.SENTENCES.specs
    with pytest.raises(ValueError, match="d.csv is text: give the model's tokenizer with --token"):
        load_data(str(path), specs, 2)
    data = load_data(str(path), specs, 2, tokenizer=tmp_path / "t.json", hold_out=0.5)
    assert str(data) == "d.csv: 2 training samples, 2 test"


def test_options_that_would_do_nothing(tmp_path: Path) -> None:
    path = save(tmp_path, x=X, y=Y)
    options = {"tokenizer": tmp_path, "columns": Columns("a", "b"), "pixels": Pixels((0.0,))}
    with pytest.raises(ValueError, match=r"--tokenizer, --text-column and --label-column, --mean"):
        load_data(path, SPECS, **options)
    with pytest.raises(ValueError, match="--classes: not for --data elpv"):
        load_data("elpv", SPECS, classes=("a", "b"))
    with pytest.raises(ValueError, match="--encoding: not for --data"):
        load_data(str(tmp_path), SPECS, encoding="latin-1")


def test_a_folder_holds_images_or_texts(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match="has no class folders"):
        load_data(str(tmp_path), toys.PHOTOS.specs, 2)
    (tmp_path / "a.txt").write_text("good bad film film good")
    (tmp_path / "t.json").write_text(toys.JSON)
    data = load_data(str(tmp_path), toys.LANGUAGE.specs, tokenizer=tmp_path / "t.json")
    assert data.train.arrays[0].tolist() == [[2, 3, 4, 4]]


def test_samples_are_held_out_and_evaluated(pock: Pock, program: Path, tmp_path: Path) -> None:
    path = save(tmp_path, x=X, y=Y % 2)
    words = ("--data", path, "--hold-out", 0.4)
    result = pock("eval", program, *words)
    assert "(4 samples held out of d.npz, " in result.stdout, result.output
    result = pock("train", program, *words)
    assert "d.npz: 6 training samples, 4 test; steps 0 to 1" in result.stderr
    assert pock("eval", program, *words, "--mean", "a,b").exit_code == 2


def test_fetched_texts_are_tokenized(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    (tmp_path / "t.json").write_text(toys.JSON)
    labels = np.array([1, 0, 1], np.int32)
    texts = ("good film", "bad", "film")
    reviews = Texts("toy", ("down", "up"), texts, labels, texts[:2], labels[:2])
    plays = Plays(("good bad film film film",), ("bad bad bad bad",))
    monkeypatch.setattr("pock_mlir.data.movie_reviews.load", lambda: reviews)
    monkeypatch.setattr("pock_mlir.data.shakespeare.load", lambda: plays)
    tokenizer = tmp_path / "t.json"
    data = load_data("movie-reviews", toys.SENTENCES.specs, 2, tokenizer=tokenizer)
    assert str(data) == "movie-reviews: 3 training samples, 2 test"
    assert data.train.arrays[0].tolist()[0] == [2, 4, 0, 0]
    data = load_data("shakespeare", toys.LANGUAGE.specs, tokenizer=tokenizer)
    assert data.test is not None
    assert data.train.arrays[0].tolist() == [[2, 3, 4, 4]]
    assert data.test.arrays[1].tolist() == [[3, 3, 3, 3]]
