"""The schemes of PockEngine's paper, on the networks at their full size: what they train."""

import pytest

pytest.importorskip("torch")

import re

import torch

from pock_mlir import zoo
from pock_mlir.schemes import Scheme

# Model, scheme; then the first block whose biases are trained, the first one whose weights are.
BLOCKS = {
    ("bert_base", "sparse"): (r"encoder\.layer\.(\d+)\.", 6, 8, 12),
    ("distilbert", "sparse"): (r"transformer\.layer\.(\d+)\.", 3, 4, 6),
    ("llama2_7b", "sparse"): (r"model\.layers\.(\d+)\.", None, 27, 32),
    ("mcunet", "sparse"): (r"blocks\.(\d+)\.", 7, 7, 11),
    ("minilm", "paper"): (r"encoder\.layer\.(\d+)\.", 3, 4, 6),
    ("minilm", "sparse"): (r"encoder\.layer\.(\d+)\.", 0, 3, 6),
    ("mobilenet_v2", "paper"): (r"features\.(\d+)\.conv", 11, 11, 18),
    ("smollm2", "sparse"): (r"model\.layers\.(\d+)\.", None, 25, 30),
    ("vit_tiny", "sparse"): (r"blocks\.(\d+)\.", 6, 8, 12),
}


def trained(model: str, scheme: str) -> dict[str, str]:
    """The kind of update of every parameter that is trained."""
    with torch.device("meta"):
        shapes = {n: list(p.shape) for n, p in zoo.create(model).named_parameters()}
    selections = Scheme.load(zoo.scheme_path(model, scheme)).resolve(shapes)
    return {name: each.kind for name, each in selections.items() if each.trains}


@pytest.mark.parametrize(("model", "scheme"), sorted(BLOCKS))
def test_blocks(model: str, scheme: str):
    pattern, first_bias, first_weight, end = BLOCKS[model, scheme]
    blocks: dict[str, set[int]] = {"bias": set(), "weight": set()}
    for name in trained(model, scheme):
        if match := re.search(pattern, name):
            blocks[name.rpartition(".")[2]].add(int(match[1]))
    assert blocks["weight"] == set(range(first_weight, end))
    last = end if model != "mcunet" else 14
    assert blocks["bias"] == (set() if first_bias is None else set(range(first_bias, last)))


@pytest.mark.parametrize(
    ("model", "block", "layers"),
    [
        ("bert_base", "bert.encoder.layer.8", 5),
        ("distilbert", "distilbert.transformer.layer.4", 5),
        ("llama2_7b", "model.layers.27", 6),
        ("minilm", "encoder.layer.4", 5),
        ("smollm2", "model.layers.25", 6),
        ("vit_tiny", "blocks.8", 3),
    ],
)
def test_a_block_trains_attention_and_the_first_feed_forward_layer(
    model: str, block: str, layers: int
):
    names = [n for n in trained(model, "sparse") if n.startswith(f"{block}.")]
    weights = [n for n in names if n.endswith(".weight")]
    assert len(weights) == layers
    assert not any("norm" in n.lower() for n in weights)
    assert not any(
        n.endswith(("output.dense.weight", "lin2.weight", "fc2.weight")) and "attention" not in n
        for n in weights
    )


def test_resnet_trains_the_first_convolution_of_eight_blocks():
    names = trained("resnet50", "sparse")
    weights = [n for n in names if n.endswith("conv1.weight")]
    assert weights == [
        *(f"layer3.{i}.conv1.weight" for i in range(1, 6)),
        *(f"layer4.{i}.conv1.weight" for i in range(3)),
    ]
    assert {n.rpartition(".")[2] for n in names if n not in weights} == {"bias", "weight"}
    assert [n for n in names if n.endswith("weight") and n not in weights] == ["fc.weight"]


def test_mcunet_trains_half_of_one_convolution():
    kinds = trained("mcunet", "sparse")
    convolutions = {n: k for n, k in kinds.items() if n.endswith("conv.weight")}
    assert list(convolutions.values()) == ["all", "all", "slice", "all"]
