"""Parameter counts and names of the transformers, without their weights; what their parts do."""

import pytest

pytest.importorskip("torch")

import torch

from pock_mlir import zoo
from pock_mlir.zoo.llama import LlamaSizes, Places
from pock_mlir.zoo.small import small


# The counts of the published models.
@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("bert_base", {"num_classes": 2}, 109_483_778),
        ("distilbert", {"num_classes": 2}, 66_955_010),
        ("llama2_7b", {}, 6_738_415_616),
        ("mcunet", {}, 636_232),
        ("resnet50", {}, 25_557_032),
        ("smollm2", {}, 134_515_008),
        ("vit_tiny", {}, 5_717_416),
    ],
)
def test_parameter_count(name: str, options: dict[str, int], parameters: int):
    with torch.device("meta"):
        model = zoo.create(name, **options)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bert_base", ["bert.embeddings.LayerNorm.weight", "bert.pooler.dense.bias"]),
        ("distilbert", ["distilbert.transformer.layer.0.attention.q_lin.weight"]),
        ("minilm", ["encoder.layer.2.attention.self.query.weight"]),
        ("resnet50", ["layer1.0.downsample.1.bias", "layer4.1.conv3.weight", "fc.weight"]),
        ("smollm2", ["model.layers.2.self_attn.q_proj.weight", "model.norm.weight"]),
        ("vit_tiny", ["blocks.1.attn.qkv.bias", "patch_embed.proj.weight", "pos_embed"]),
        ("mcunet", ["blocks.1.mobile_inverted_conv.inverted_bottleneck.bn.bias"]),
    ],
)
def test_names_are_the_frameworks(name: str, parameters: list[str]):
    assert not set(parameters) - set(small(name)[0].state_dict())


@pytest.mark.parametrize("name", ["bert_base", "distilbert", "minilm"])
def test_padding_changes_nothing(name: str):
    model, inputs = small(name)
    ids, _ = inputs.batch(2)
    mask = torch.ones(2, inputs.size)
    mask[:, -3:] = 0
    other = ids.clone()
    other[:, -3:] = 0
    torch.testing.assert_close(model(ids, mask), model(other, mask))
    assert not torch.equal(model(ids, mask), model(ids, torch.ones_like(mask)))


@pytest.mark.parametrize("name", ["smollm2", "llama2_7b"])
def test_logits_do_not_depend_on_later_tokens(name: str):
    model, inputs = small(name)
    (ids,) = inputs.batch(1)
    other = ids.clone()
    other[:, 5:] = 0
    torch.testing.assert_close(model(ids)[:, :5], model(other)[:, :5])
    assert not torch.allclose(model(ids)[:, 5:], model(other)[:, 5:])


def test_rotated_products_depend_on_the_distance_only():
    places = Places.of(12, LlamaSizes(width=16, heads=2), torch.device("cpu"))
    query, key = (places.rotate(torch.randn(8).expand(12, 8)) for _ in range(2))
    products = query @ key.T
    torch.testing.assert_close(products[3:, 3:], products[:-3, :-3])
    assert not torch.allclose(products[0, 1:], products[0, :-1])


def test_tied_projection_is_the_embedding():
    model = small("smollm2")[0]
    assert model.get_parameter("lm_head.weight") is model.get_parameter("model.embed_tokens.weight")
    assert "lm_head.weight" not in dict(model.named_parameters())
