"""A small configuration of every network, and inputs for any of them, for tests and trials.

`small("minilm")` has the architecture's every part, a few thousand weights, and runs in
milliseconds.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pock_mlir import zoo


@dataclass(frozen=True)
class Inputs:
    """What a network takes.

    Attributes:
        kind: "vector", "image", "text" (token ids and mask) or "language" (token ids).
        size: features, pixels of an image's side, or tokens.
        classes: classes, or the vocabulary of a language model.
    """

    kind: str
    size: int
    classes: int = 5

    def batch(self, batch: int, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """Random inputs; a text's mask ends at another place in every row."""
        if self.kind == "vector":
            return (torch.randn(batch, self.size, generator=generator),)
        if self.kind == "image":
            return (torch.randn(batch, 3, self.size, self.size, generator=generator),)
        ids = torch.randint(0, VOCABULARY, (batch, self.size), generator=generator)
        if self.kind == "language":
            return (ids.int(),)
        lengths = torch.arange(batch) % (self.size // 2) + self.size // 2
        mask = torch.arange(self.size)[None] < lengths[:, None]
        return ids.int(), mask.float()

    def targets(self, batch: int, generator: torch.Generator | None = None) -> Tensor:
        """Random labels; for a language model, the ids of a text."""
        shape = (batch, self.size) if self.kind == "language" else (batch,)
        return torch.randint(0, self.classes, shape, generator=generator).int()


VOCABULARY = 61
_BERT = {
    "layers": 3,
    "width": 24,
    "heads": 2,
    "hidden": 40,
    "vocabulary": VOCABULARY,
    "positions": 20,
}
_LLAMA = {"layers": 3, "width": 24, "heads": 6, "hidden": 40, "vocabulary": VOCABULARY}

# Options of the factory, and what the network takes.
SMALL: dict[str, tuple[dict[str, Any], Inputs]] = {
    "bert_base": (_BERT, Inputs("text", 10)),
    "distilbert": (_BERT, Inputs("text", 10)),
    "efficientnet_lite0": ({}, Inputs("image", 32)),
    "llama2_7b": (
        _LLAMA | {"key_heads": 6, "device": "cpu"},
        Inputs("language", 10, VOCABULARY),
    ),
    "mcunet": ({}, Inputs("image", 64)),
    "minilm": (_BERT, Inputs("text", 10)),
    "mlp": ({"inputs": 12, "hidden": (16, 16)}, Inputs("vector", 12)),
    "mobilenet_v2": ({"width_mult": 0.35}, Inputs("image", 32)),
    "residual_cnn": ({"width": 8, "blocks": 2}, Inputs("image", 16)),
    "resnet50": ({"width": 8, "depths": (2, 1, 1, 2)}, Inputs("image", 32)),
    "smollm2": (_LLAMA | {"key_heads": 2}, Inputs("language", 10, VOCABULARY)),
    "vit_tiny": (
        {"layers": 3, "width": 24, "heads": 2, "pixels": 16, "patch": 4},
        Inputs("image", 16),
    ),
}


def small(name: str) -> tuple[nn.Module, Inputs]:
    """The small configuration of the network `name`, and what it takes."""
    options, inputs = SMALL[name]
    if inputs.kind != "language":
        options = options | {"num_classes": inputs.classes}
    return zoo.create(name, **options), inputs
