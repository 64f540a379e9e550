"""MiniLM with its real weights, skipped where they cannot be fetched; SmolLM2's file format."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from pock_mlir import zoo
from pock_mlir.data.fetch import FetchError
from pock_mlir.zoo.minilm import MiniLM, load_pretrained, read_weights
from pock_mlir.zoo.smollm2 import in_halves, torch_name

# Of "A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."
FOOD = [101, 1037, 2158, 2003, 5983, 2833, 1012, 102]
BREAD = [101, 1037, 2158, 2003, 5983, 1037, 3538, 1997, 7852, 1012, 102]
BABY = [101, 1996, 2611, 2003, 4755, 1037, 3336, 1012, 102]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    try:
        return load_pretrained(num_classes=2, seed=3)
    except FetchError as error:
        pytest.skip(str(error))


def test_sentences_are_as_similar_as_published(minilm: MiniLM):
    sentences = [FOOD, BREAD, BABY]
    ids, mask = torch.zeros(3, 12, dtype=torch.int32), torch.zeros(3, 12)
    for i, sentence in enumerate(sentences):
        ids[i, : len(sentence)] = torch.tensor(sentence)
        mask[i, : len(sentence)] = 1
    with torch.no_grad():
        vectors = F.normalize(minilm.features(ids, mask), dim=1)
    similar = vectors @ vectors.T
    assert float(similar[0, 1]) == pytest.approx(0.7553, abs=5e-4)
    assert float(similar[0, 2]) < 0.1


def test_the_weights_are_the_packages_and_the_head_is_fresh(minilm: MiniLM):
    weights = read_weights()
    state = minilm.state_dict()
    assert set(state) - set(weights) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(state[name], value) for name, value in weights.items())
    assert all(parameter.requires_grad for parameter in minilm.parameters())


@pytest.mark.parametrize("name", ["minilm", "smollm2"])
def test_pretrained_weights_have_their_own_sizes(name: str):
    with pytest.raises(ValueError, match="leave out layers"):
        zoo.create(name, pretrained=True, layers=2)


def test_names_in_the_file():
    assert torch_name("blk.12.ffn_gate.weight") == "model.layers.12.mlp.gate_proj.weight"
    assert torch_name("token_embd.weight") == "model.embed_tokens.weight"
    assert torch_name("rope_freqs.weight") is None


def test_rows_of_queries_come_in_halves():
    rows = np.arange(9 * 64)[:, None].astype(np.float32)
    # In the file, places 2i and 2i + 1 of a head are its rows i and i + 32.
    heads = rows.reshape(9, 2, 32)
    stored = heads.swapaxes(1, 2).reshape(-1, 1)
    name = "model.layers.0.self_attn.q_proj.weight"
    np.testing.assert_array_equal(in_halves(name, stored), rows)
    np.testing.assert_array_equal(in_halves("model.layers.0.mlp.up_proj.weight", stored), stored)
