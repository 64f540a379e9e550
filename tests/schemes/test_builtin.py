"""Built-in schemes on the naming habits of common networks."""

import pytest

from pock_mlir.schemes import Scheme, SchemeError
from pock_mlir.schemes.builtin import blocks, head

INVERTED = {
    "features.0.0.weight": [8, 3, 3, 3],
    "features.0.1.weight": [8],
    "features.0.1.bias": [8],
    **{
        f"features.{i}.conv.{layer}": shape
        for i in (1, 2, 3)
        for layer, shape in {
            "0.0.weight": [16, 8, 1, 1],
            "0.1.weight": [16],
            "0.1.bias": [16],
            "1.0.weight": [16, 1, 3, 3],
            "2.weight": [8, 16, 1, 1],
            "3.bias": [8],
        }.items()
    },
    "features.4.0.weight": [32, 8, 1, 1],
    "features.4.1.bias": [32],
    "classifier.1.weight": [10, 32],
    "classifier.1.bias": [10],
}


def trained(name: str, parameters: dict[str, list[int]]) -> list[str]:
    return [n for n, s in Scheme.load(name).resolve(parameters).items() if s.trains]


def test_full() -> None:
    assert trained("full", INVERTED) == list(INVERTED)


def test_head_is_the_last_layer_with_a_matrix() -> None:
    assert trained("head", INVERTED) == ["classifier.1.weight", "classifier.1.bias"]
    assert head({"embed.weight": [9, 4], "fc.weight": [4, 4], "norm.weight": [4]}) == {"fc.weight"}


def test_bias_only() -> None:
    names = trained("bias-only", INVERTED)
    assert "features.0.1.bias" in names
    assert [n for n in names if not n.endswith("bias")] == ["classifier.1.weight"]


def test_last_blocks_of_inverted_residuals() -> None:
    assert [prefix for prefix, _ in blocks(INVERTED)] == ["features.1", "features.2", "features.3"]
    assert trained("last-1", INVERTED) == [
        "features.3.conv.0.0.weight",
        "features.3.conv.0.1.bias",
        "features.3.conv.3.bias",
        "features.4.1.bias",
        "classifier.1.weight",
        "classifier.1.bias",
    ]
    assert trained("last-blocks", INVERTED) == trained("last-3", INVERTED)


def test_blocks_of_nested_numbers() -> None:
    names = {
        f"layer{stage}.{block}.conv{conv}.weight": [4, 4, 3, 3]
        for stage in (1, 2)
        for block in (0, 1)
        for conv in (1, 2)
    }
    assert [p for p, _ in blocks(names)] == ["layer1.0", "layer1.1", "layer2.0", "layer2.1"]


def test_blocks_of_a_plain_stack() -> None:
    names = {f"layers.{i}.{kind}": [4, 4] for i in range(3) for kind in ("weight",)}
    assert [prefix for prefix, _ in blocks(names)] == ["layers.0", "layers.1", "layers.2"]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("last-9", INVERTED, "last-9: the model has 3 blocks, features.1 to features.3"),
        ("last-blocks", {"fc.weight": [4, 4]}, "no parameter name has a numbered block"),
    ],
)
def test_too_few_blocks(name: str, parameters: dict[str, list[int]], message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        Scheme.load(name).resolve(parameters)
