from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pock_mlir.data import tokenizer
from tests.data.toys import JSON, words

pytest.importorskip("tokenizers")


def test_rows_are_cut_off_or_filled_up() -> None:
    ids, mask = words().rows(["good film", "bad bad bad bad bad bad", ""], 4)
    assert ids.tolist() == [[2, 4, 0, 0], [3, 3, 3, 3], [0, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
    assert ids.dtype == mask.dtype == np.int32
    assert words().rows([], 4)[0].shape == (0, 4)


def test_a_stream_is_not_cut_off() -> None:
    # The file itself says to cut off after two tokens.
    assert words().stream(["good bad film", "film"]).tolist() == [2, 3, 4, 4]
    assert words().stream([]).tolist() == []
    assert words().size == 5


def test_files(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(JSON)
    assert tokenizer.load(tmp_path / "tokenizer.json").ids("good").tolist() == [2]
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.json is no tokenizer.json"):
        tokenizer.load(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match="no such file"):
        tokenizer.load(tmp_path / "none.json")


def gguf(path: Path, pre: str = "smollm", model: str = "gpt2", tokens: bool = True) -> Path:
    """A byte-level BPE of the bytes of `abc 1`, and one merge."""
    writer = pytest.importorskip("gguf").GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre(pre)
    if tokens:
        writer.add_token_list(["<|end|>", "a", "b", "Ġ", "1", "ab", "11"])
        writer.add_token_types([3, 1, 1, 1, 1, 1, 1])
        writer.add_token_merges(["a b", "1 1"])
        writer.add_eos_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_the_tokenizer_in_a_gguf_file(tmp_path: Path) -> None:
    read = tokenizer.load(gguf(tmp_path / "m.gguf"))
    assert read.ids("ab ba").tolist() == [5, 3, 2, 1]
    assert read.ids("11").tolist() == [4, 4]
    assert read.text([5, 3, 2, 0]) == "ab b"
    assert read.stream(["a", "b"]).tolist() == [1, 0, 2, 0]
    assert (read.size, read.pad, read.end) == (7, 0, 0)
    other = tokenizer.load(gguf(tmp_path / "n.gguf", pre="gpt-2"))
    assert other.ids("11").tolist() == [6]


def test_gguf_files_without_a_known_tokenizer(tmp_path: Path) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"model": "llama"}, "cannot read a tokenizer of kind 'llama' .* tokenizer.json instead"),
        ({"pre": "qwen2"}, "with the pre-tokenizer 'qwen2', only gpt2 with gpt-2"),
        ({"tokens": False}, "holds no tokenizer"),
    )
    for options, message in cases:
        with pytest.raises(ValueError, match=message):
            tokenizer.load(gguf(tmp_path / "m.gguf", **options))
    (tmp_path / "m.gguf").write_bytes(b"no gguf at all")
    with pytest.raises(ValueError, match="m.gguf is no GGUF file"):
        tokenizer.load(tmp_path / "m.gguf")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(
        ImportError, match=r"text needs tokenizers: pip install 'pock-mlir\[text\]'"
    ):
        words()
