"""Networks of the `transformers` package itself, small, compile as they are and follow PyTorch."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pock_mlir as pock
from tests.support.training import TorchTraining

transformers: Any = pytest.importorskip("transformers")

VOCABULARY, TOKENS, BATCH, STEPS = 61, 8, 2, 5
BERT = {"num_attention_heads": 4, "intermediate_size": 48, "num_labels": 3}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "LlamaForCausalLM": (
        "LlamaConfig",
        {
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 48,
            "tie_word_embeddings": True,
            "use_cache": False,
        },
    ),
    "BertForSequenceClassification": ("BertConfig", BERT),
}


class Logits(nn.Module):
    """A network of the package that returns its logits only."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, token_ids: Tensor) -> Tensor:
        """[batch, tokens] -> the logits."""
        return self.network(token_ids).logits


@pytest.mark.acceptance
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_of_the_package(name: str) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config, options = NETWORKS[name]
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "vocab_size": VOCABULARY}
    network = getattr(transformers, name)(getattr(transformers, config)(**sizes, **options))
    model, language = Logits(network).eval(), "Causal" in name
    ids = torch.randint(0, VOCABULARY, (BATCH, TOKENS), dtype=torch.int32)
    labels = ids if language else torch.tensor([0, 2], dtype=torch.int32)
    optimizer, scheme = pock.AdamW(lr=1e-3), pock.Scheme.load("full")
    loss = "causal-lm" if language else "cross-entropy"
    program = pock.compile(model, ids, optimizer=optimizer, scheme=scheme, loss=loss)
    trainer, reference = pock.Trainer(program.artifact), TorchTraining(model, scheme, optimizer)
    for _ in range(STEPS):
        expected = reference.step(ids, labels)
        got = trainer.step(ids.numpy(), np.asarray(labels))
        assert got == pytest.approx(expected, rel=1e-4)
