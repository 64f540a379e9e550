from pathlib import Path

import pytest

from pock_mlir.data import plain_text
from tests.data.toys import LANGUAGE, SENTENCES, words

pytest.importorskip("tokenizers")


def test_a_file_becomes_blocks(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good bad film good good\nbad film film what?")
    data = plain_text.load(tmp_path / "a.txt", LANGUAGE, words()).check(LANGUAGE)
    ids, targets = data.train.arrays
    assert ids.tolist() == targets.tolist() == [[2, 3, 4, 2], [2, 3, 4, 4]]
    assert data.ordered


def test_a_folder_is_read_in_order_and_a_mark_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("film film", encoding="utf-8-sig")
    (tmp_path / "a.txt").write_text("good bad")
    (tmp_path / "c.md").write_text("bad bad bad bad")
    data = plain_text.load(tmp_path, LANGUAGE, words())
    assert data.train.arrays[0].tolist() == [[2, 3, 4, 4]]


def test_texts_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(ValueError, match=r"has no \.txt files"):
        plain_text.load(tmp_path, LANGUAGE, words())
    with pytest.raises(ValueError, match="no such file: .*a.txt"):
        plain_text.load(path, LANGUAGE, words())
    for content, message in (
        (b"", "a.txt: 0 tokens do not fill one block of 4"),
        (b"good bad", "a.txt: 2 tokens do not fill one block of 4"),
        (b"good\nb\xe4d", r"a.txt, line 2 \(byte 6 of the file\) is no utf-8; give the encoding"),
        ("good film".encode("utf-16-le"), "a.txt, line 1, has a zero character: no utf-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            plain_text.load(path, LANGUAGE, words())


def test_a_program_that_is_no_language_model(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good bad film good good")
    with pytest.raises(ValueError, match=r"plain text is for language models.* int32\[2\]"):
        plain_text.load(tmp_path, SENTENCES, words())
