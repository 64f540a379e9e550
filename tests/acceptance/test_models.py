"""Every network of the zoo, small, follows PyTorch: 20 steps, losses within 1e-4, full and sparse.

A cell runs by default; `make test-py ARGS="-m acceptance"` runs all. The CNNs that
test_losses.py trains are left to it.
"""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir.zoo.layers import calibrate_batch_norm
from pock_mlir.zoo.small import small
from tests.support.training import BRANCH, TorchTraining, weights

STEPS, BATCH = 20, 3
TOLERANCE = 1e-4
"""Of a loss, relative."""

# The parts of the paper's schemes, on the last blocks of the small configurations: biases of two
# blocks, weights of attention and of the first feed-forward layer (or convolution) of one.
SPARSE = {
    "bert_base": ["bert.encoder.layer.[12].*.bias", "bert.encoder.layer.2.attention.*.weight"]
    + ["bert.encoder.layer.2.intermediate.dense.weight", "bert.pooler.*", "classifier.*"],
    "distilbert": ["distilbert.transformer.layer.[12].*.bias", "pre_classifier.*", "classifier.*"]
    + ["distilbert.transformer.layer.2.attention.*", "distilbert.transformer.layer.2.ffn.lin1.*"],
    "llama2_7b": ["model.layers.2.self_attn.*", "model.layers.2.mlp.gate_proj.weight"]
    + ["model.layers.2.mlp.up_proj.weight"],
    "mcunet": ["blocks.[7-9].*.bias", "blocks.1[0-3].*.bias", "classifier.*"]
    + ["blocks.[78].mobile_inverted_conv.inverted_bottleneck.conv.weight"],
    "minilm": ["encoder.layer.[12].*.bias", "encoder.layer.2.attention.self.*", "classifier.*"]
    + ["encoder.layer.2.intermediate.dense.weight"],
    "resnet50": ["layer[34].*.bias", "layer[34].*.conv1.weight", "fc.*"],
    "smollm2": ["model.layers.[12].self_attn.*", "model.layers.[12].mlp.gate_proj.weight"],
    "vit_tiny": ["blocks.[12].*.bias", "blocks.2.attn.*", "blocks.2.mlp.fc1.weight", "head.*"],
}
# Slices, of one head's queries and of part of the inputs, in a block before those.
SLICES = {
    "smollm2": """
        [[rule]]
        match = "model.layers.0.self_attn.q_proj.weight"
        update = "slice"
        axis = "out"
        indices = [4, 5, 6, 7, 10]
        [[rule]]
        match = "model.layers.0.mlp.down_proj.weight"
        update = "slice"
        axis = "in"
        ratio = 0.25
    """,
}
SCHEMES = ("full", "sparse")
# Of a deep CNN with random weights, two runs of PyTorch in f32 and f64 differ at larger rates.
RATES = {"mcunet": 2e-6, "resnet50": 1e-4}
RATE = 2e-2

DEFAULT = [("minilm", "sparse")]


def scheme_of(model: str, scheme: str) -> pock.Scheme:
    if scheme == "full":
        return pock.Scheme.load("full")
    rules = "".join(f'[[rule]]\nmatch = "{match}"\nupdate = "all"\n' for match in SPARSE[model])
    return pock.Scheme.from_toml(rules + SLICES.get(model, ""), name="sparse")


def settle(model: nn.Module, image: Tensor) -> None:
    """Branches begin small and statistics are those of a batch, as in a trained network."""
    for block in model.modules():
        norms = [each for each in block.children() if isinstance(each, nn.BatchNorm2d)]
        if getattr(block, "skips", False):
            norms = [each for each in block.modules() if isinstance(each, nn.BatchNorm2d)]
        if norms and (hasattr(block, "skips") or hasattr(block, "downsample")):
            nn.init.constant_(norms[-1].weight, BRANCH)
    calibrate_batch_norm(model, image)


def check_cell(name: str, scheme: str) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model, inputs = small(name)
    batches = [(inputs.batch(BATCH), inputs.targets(BATCH)) for _ in range(2)]
    if inputs.kind == "image":
        settle(model, torch.cat([x for (x,), _ in batches]))
    optimizer, chosen = pock.SGD(lr=RATES.get(name, RATE), momentum=0.9), scheme_of(name, scheme)
    loss = "causal-lm" if inputs.kind == "language" else "cross-entropy"
    before = weights(model)
    program = pock.compile(model, batches[0][0], optimizer=optimizer, scheme=chosen, loss=loss)
    trainer = pock.Trainer(program.artifact)
    reference = TorchTraining(model, chosen, optimizer)
    for i in range(STEPS):
        x, y = batches[i % len(batches)]
        expected = reference.step(x, y)
        got = trainer.step(*(each.numpy() for each in x), y.numpy())
        assert got == pytest.approx(expected, rel=TOLERANCE), f"step {i}"
    trained = reference.trained()
    for key, value in trainer.state_dict().items():
        if key not in trained and key not in ("lm_head.weight",):
            assert value.tobytes() == before[key].tobytes(), f"{key} changed"
        elif key in trained:
            assert np.isfinite(value).all()
            assert not np.array_equal(value, before[key]), f"{key} did not change"


@pytest.mark.parametrize(("model", "scheme"), DEFAULT)
def test_a_sample(model: str, scheme: str) -> None:
    check_cell(model, scheme)


@pytest.mark.acceptance
@pytest.mark.parametrize(("model", "scheme"), list(itertools.product(sorted(SPARSE), SCHEMES)))
def test_the_matrix(model: str, scheme: str) -> None:
    check_cell(model, scheme)
