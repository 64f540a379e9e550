"""`pock train` and `pock eval` on text, from the files to the loss."""

import json
import math
import re
from pathlib import Path

import pytest

from tests.cli.bigrams import bigrams
from tests.cli.conftest import Pock
from tests.data import toys

pytest.importorskip("tokenizers")


@pytest.fixture
def words(tmp_path: Path) -> tuple[object, ...]:
    """A language model, a tokenizer, and a text in which every word has one successor."""
    bigrams().save(tmp_path / "p.pock")
    (tmp_path / "tokenizer.json").write_text(toys.JSON)
    (tmp_path / "text.txt").write_text("good bad film\n" * 80)
    tokenizer = ("--tokenizer", tmp_path / "tokenizer.json")
    return (tmp_path / "p.pock", "--data", tmp_path / "text.txt", *tokenizer)


def test_a_language_model_learns_a_text(
    pock: Pock, words: tuple[object, ...], tmp_path: Path
) -> None:
    before = pock("eval", *words)
    assert before.stdout.startswith(
        f"loss {math.log(5):.4f}  perplexity 5.0000  (all 60 samples of"
    )
    saved = ("--checkpoint", tmp_path / "k.safetensors")
    result = pock("train", *words, *saved, "--epochs", 4, "--hold-out", 0.2)
    assert result.exit_code == 0, result.output
    assert "text.txt: 48 training samples, 12 test; steps 0 to 96" in result.stderr
    after = pock("eval", *words, *saved)
    loss = re.match(r"loss ([0-9.]+)  perplexity", after.stdout)
    assert loss is not None and float(loss[1]) < 0.1


def test_token_ids_that_the_model_does_not_know(
    pock: Pock, words: tuple[object, ...], tmp_path: Path
) -> None:
    other = json.loads(toys.JSON)
    other["model"]["vocab"]["film"] = 9
    (tmp_path / "tokenizer.json").write_text(json.dumps(other))
    for command in ("train", "eval"):
        result = pock(command, *words)
        assert result.exit_code == 1
        error = result.stderr.splitlines()[-1]
        assert re.match(r"error: text.txt: 'ids': 9, at \[0, 2\], is outside .* 0 to 4", error)
