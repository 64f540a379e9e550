from pathlib import Path

import numpy as np
import pytest

from pock_mlir.data import tables
from pock_mlir.data.samples import Data, Wanted
from pock_mlir.data.tables import Columns
from tests.data.toys import LANGUAGE, PHOTOS, SENTENCES, spec, words

pytest.importorskip("tokenizers")

CSV = 'text,label\ngood film,1\n"bad, bad\nfilm",0\n'


def load(tmp_path: Path, content: str | bytes, name: str = "d.csv", **options: object) -> Data:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    wanted = options.pop("wanted", SENTENCES)
    assert isinstance(wanted, Wanted)
    return tables.load(path, wanted, words(), **options)  # pyright: ignore[reportArgumentType]


def test_csv(tmp_path: Path) -> None:
    data = load(tmp_path, CSV).check(SENTENCES)
    ids, mask, labels = data.train.arrays
    assert ids.tolist() == [[2, 4, 0, 0], [3, 1, 3, 4]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert labels.tolist() == [1, 0]
    assert data.classes is None


def test_json_lines_and_names_of_classes(tmp_path: Path) -> None:
    lines = '{"review": "good", "mood": "up"}\n\n{"review": "bad", "mood": "down", "more": 3}\n'
    columns = Columns("review", "mood")
    data = load(tmp_path, lines, "d.jsonl", columns=columns)
    assert data.train.arrays[-1].tolist() == [1, 0]
    assert data.classes == ("down", "up")
    data = load(tmp_path, lines, "d.jsonl", columns=columns, classes=("up", "down"))
    assert data.train.arrays[-1].tolist() == [0, 1]


def test_numbers_to_predict(tmp_path: Path) -> None:
    inputs = SENTENCES.inputs
    wanted = Wanted((*inputs, spec("targets", 2, 1, dtype="float32")))
    data = load(tmp_path, "text,label\ngood,1.5\nbad,-2\n", wanted=wanted).check(wanted)
    np.testing.assert_array_equal(data.train.arrays[-1], np.array([[1.5], [-2]], np.float32))
    with pytest.raises(ValueError, match="d.csv: the targets are numbers, which .* not: 'much'"):
        load(tmp_path, "text,label\ngood,1.5\nbad,much\n", wanted=wanted)


def test_another_encoding(tmp_path: Path) -> None:
    content = "text,label\nfilm é,1\nbad,0\n".encode("latin-1")
    assert load(tmp_path, content, encoding="latin-1").train.arrays[0][0].tolist() == [4, 1, 0, 0]
    with pytest.raises(
        ValueError, match=r"d.csv, line 2 \(byte 16 of the file\) is no utf-8; give"
    ):
        load(tmp_path, content)
    with pytest.raises(ValueError, match="unknown encoding 'klingon'"):
        load(tmp_path, content, encoding="klingon")


BAD = [
    ("d.csv", "text,mood\ngood,1\n", "d.csv has no column label; it has mood, text"),
    ("d.csv", "a,b\ngood,1\n", "d.csv has no column text, label; it has a, b"),
    ("d.csv", "text,label\n", "d.csv: the data set is empty"),
    ("d.csv", "", "d.csv: the data set is empty"),
    ("d.csv", "text,label\ngood,1\nbad\n,1\n", "lines without text or label: 3, 4"),
    ("d.csv", "text,label\ngood,film,1\n", "line 2: more fields than the first line has names"),
    ("d.csv", 'text,label\n"good,1\n', "no CSV"),
    ("d.csv", "text,label\ngood,up\nbad,down\nfilm,even\n", r"has 3 classes \(down, even, up\)"),
    ("d.jsonl", '{"text": "good", "label": 1}\n{"text": ', "d.jsonl, line 2: no JSON"),
    ("d.jsonl", "[1]\n", "d.jsonl, line 1: must be an object"),
    ("d.jsonl", '{"text": "good", "label": null}\n', "lines without text or label: 1"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_tables_that_are_none(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(tmp_path, content, name)


def test_labels_outside_the_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="d.csv: 'targets': label 2 is outside the classes 0 to 1"):
        load(tmp_path, "text,label\ngood,1\nbad,2\n").check(SENTENCES)


def test_programs_that_take_something_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"text is token ids .* program takes x float32\[2, 3"):
        load(tmp_path, CSV, wanted=PHOTOS)
    strange = Wanted((*SENTENCES.inputs[:1], spec("scores", 2, 4), spec("targets", 2)), 2)
    with pytest.raises(ValueError, match="the program takes ids .*, scores"):
        load(tmp_path, CSV, wanted=strange)
    with pytest.raises(ValueError, match=r"'targets': expected int32\[4\] for .*, got int64$"):
        load(tmp_path, CSV, wanted=LANGUAGE).check(LANGUAGE)
