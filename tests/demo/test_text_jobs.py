"""The jobs on text, without their weights: what is compared, and on what."""

import numpy as np
import pytest

from pock_mlir import zoo
from pock_mlir.demo import sentiment, shakespeare
from pock_mlir.demo.job import Method
from tests.data.toys import words

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")


def updates(model: str, method: Method) -> dict[str, str]:
    """The kind of update of every parameter that the method trains."""
    with torch.device("meta"):
        shapes = {n: list(p.shape) for n, p in zoo.create(model).named_parameters()}
    selections = method.scheme.resolve(shapes)
    return {name: each.kind for name, each in selections.items() if each.trains}


def test_methods_on_sentences() -> None:
    methods = {method.label: updates("minilm", method) for method in sentiment.methods()}
    head = {"classifier.weight", "classifier.bias"}
    assert set(methods["head only"]) == head
    assert all(head <= set(trained) for trained in methods.values())
    assert {name.rpartition(".")[2] for name in set(methods["bias only"]) - head} == {"bias"}
    assert "embeddings.word_embeddings.weight" in methods["full"]
    lora = {name for name, kind in methods["LoRA"].items() if kind == "lora"}
    assert lora == set(methods["LoRA"]) - head and len(lora) == 12
    assert len(methods["head only"]) < len(methods["sparse"]) < len(methods["full"])


def test_methods_on_plays() -> None:
    sparse, lora = (updates("smollm2", method) for method in shakespeare.methods())
    assert {name.split(".")[2] for name in sparse} == {"25", "26", "27", "28", "29"}
    assert set(lora.values()) == {"lora"} and len(lora) == 60


def test_sentences_are_drawn_class_by_class() -> None:
    texts = ["good", "bad film", "film", "bad", "bad bad", "film bad"]
    labels = np.array([1, 0, 1, 0, 0, 0], np.int32)
    ids, mask, chosen = sentiment.encode(texts, labels, 4, words())
    assert chosen.tolist().count(1) == 2
    assert ids.shape == mask.shape == (4, sentiment.TOKENS)
    assert all((ids[row] == 3).any() != label for row, label in enumerate(chosen))
    assert len(sentiment.encode(texts, labels, 99, words())[-1]) == 6


def test_blocks_are_spread_over_the_text() -> None:
    rows = np.arange(100)[:, None]
    assert shakespeare.spread(rows, 4)[:, 0].tolist() == [0, 33, 66, 99]
    assert len(shakespeare.spread(rows, 200)) == 100


def test_a_run_on_plays() -> None:
    block = np.zeros((10, shakespeare.TOKENS), np.int32)
    job = shakespeare.Writing("t", shakespeare.methods(), words(), block, block, epochs=2)
    assert job.steps == 4
    inputs, targets = next(iter(job.batches(0)))
    assert inputs.shape == targets.shape == (shakespeare.BATCH, shakespeare.TOKENS)
    assert job.tokens == inputs.size
