"""SmolLM2 with its real weights: the compiled forward gives the logits of `transformers`."""

import numpy as np
import pytest
import torch

import pock_mlir as pock
from pock_mlir import zoo
from pock_mlir.data.fetch import FetchError
from pock_mlir.zoo.llama import Llama
from pock_mlir.zoo.smollm2 import SIZES

TOKENS = 32
TOLERANCE = 2e-3
"""Of a logit, absolute; logits reach 30. Seen: 1.04e-4."""


def pretrained() -> Llama:
    try:
        return zoo.create("smollm2", pretrained=True)  # pyright: ignore[reportReturnType]
    except FetchError as error:
        pytest.skip(str(error))


def of_transformers(model: Llama, ids: torch.Tensor) -> np.ndarray:
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=SIZES.width,
        intermediate_size=SIZES.hidden,
        num_hidden_layers=SIZES.layers,
        num_attention_heads=SIZES.heads,
        num_key_value_heads=SIZES.key_heads,
        vocab_size=SIZES.vocabulary,
        rms_norm_eps=SIZES.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": SIZES.rope_base},
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    with torch.device("meta"):
        reference = transformers.LlamaForCausalLM(config)
    reference.load_state_dict(model.state_dict(), assign=True)
    reference.tie_weights()
    # Its rotary table is no part of the state, and was made on the meta device.
    reference.model.rotary_emb = type(reference.model.rotary_emb)(config)
    with torch.no_grad():
        return reference.eval()(ids.long()).logits.numpy()


@pytest.mark.acceptance
def test_logits_are_those_of_transformers() -> None:
    model = pretrained()
    ids = torch.randint(
        0, SIZES.vocabulary, (1, TOKENS), generator=torch.Generator().manual_seed(0)
    )
    expected = of_transformers(model, ids)
    program = pock.compile(
        model,
        ids.int(),
        loss="causal-lm",
        optimizer=pock.SGD(lr=1e-3),
        scheme=zoo.scheme_path("smollm2", "sparse"),
    )
    got = pock.Trainer(program.artifact).predict(ids.int().numpy())
    difference = float(np.abs(np.asarray(got) - expected).max())
    print(f"max abs difference of logits: {difference:.2e}, of {np.abs(expected).max():.1f}")
    assert difference < TOLERANCE
