"""BERT (Devlin et al., NAACL 2019), with Hugging Face's parameter names."""

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir.zoo.attention import attend, initialise, merge_heads, padding_bias, split_heads


@dataclass(frozen=True)
class BertSizes:
    """The sizes of a BERT; those of BERT-base by default.

    Attributes:
        layers: number of transformer blocks.
        width: size of a token's vector.
        heads: attention heads, a divisor of `width`.
        hidden: width of the feed-forward networks.
        vocabulary: number of token ids.
        positions: most tokens in a sequence.
    """

    layers: int = 12
    width: int = 768
    heads: int = 12
    hidden: int = 3072
    vocabulary: int = 30522
    positions: int = 512


EPSILON = 1e-12
"""Of BERT's layer normalisations."""


class BertEmbeddings(nn.Module):
    """Token plus position plus segment (always the first one), normalised."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.position_embeddings = nn.Embedding(sizes.positions, sizes.width)
        self.token_type_embeddings = nn.Embedding(2, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, EPSILON)

    def forward(self, token_ids: Tensor) -> Tensor:
        """[batch, tokens] -> [batch, tokens, width]."""
        places = self.position_embeddings.weight[: token_ids.shape[1]]
        places = places + self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(token_ids) + places)


class BertSelfAttention(nn.Module):
    """The attention proper; what is done to its result is BertOutput's business."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.query = nn.Linear(sizes.width, sizes.width)
        self.key = nn.Linear(sizes.width, sizes.width)
        self.value = nn.Linear(sizes.width, sizes.width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch, tokens, width] and what is added to the scores -> [batch, tokens, width]."""
        query, key, value = (
            split_heads(layer(x), self.heads) for layer in (self.query, self.key, self.value)
        )
        return merge_heads(attend(query, key, value, bias))


class BertOutput(nn.Module):
    """Projects the result of a sub-layer, adds the sub-layer's input, and normalises."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, EPSILON)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """[..., inputs] and [..., width] -> [..., width]."""
        return self.LayerNorm(self.dense(x) + skip)


class BertLayer(nn.Module):
    """A block: attention, then a feed-forward network."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": BertSelfAttention(sizes), "output": BertOutput(sizes.width, sizes.width)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(sizes.width, sizes.hidden)})
        self.output = BertOutput(sizes.hidden, sizes.width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        x = self.attention["output"](self.attention["self"](x, bias), x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class BertEncoder(nn.Module):
    """The blocks, one after the other."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertLayer(sizes) for _ in range(sizes.layers))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        for layer in self.layer:
            x = layer(x, bias)
        return x


class BertModel(nn.Module):
    """Token ids to contextual vectors.

    Parameters are named `embeddings.{word,position,token_type}_embeddings`, `embeddings.LayerNorm`,
    `encoder.layer.<i>.attention.self.{query,key,value}`, `.attention.output.{dense,LayerNorm}`,
    `.intermediate.dense` and `.output.{dense,LayerNorm}`.
    """

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.embeddings = BertEmbeddings(sizes)
        self.encoder = BertEncoder(sizes)

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [batch, tokens], 1 at tokens and 0 at padding -> [batch, tokens, width]."""
        x = self.embeddings(token_ids)
        return self.encoder(x, padding_bias(attention_mask, x.dtype))


class BertClassifier(nn.Module):
    """BERT, the pooled first token, and a classifier.

    Named as Hugging Face's BertForSequenceClassification: `bert.*`, with `bert.pooler.dense`, and
    `classifier`.
    """

    def __init__(self, num_classes: int, sizes: BertSizes) -> None:
        super().__init__()
        self.bert = BertModel(sizes)
        self.bert.add_module(
            "pooler", nn.ModuleDict({"dense": nn.Linear(sizes.width, sizes.width)})
        )
        self.classifier = nn.Linear(sizes.width, num_classes)

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids [batch, tokens] (int) and mask (1 at tokens, 0 at padding) -> logits."""
        first = self.bert(token_ids, attention_mask)[:, 0]
        return self.classifier(self.bert.get_submodule("pooler.dense")(first).tanh())


def bert_base(num_classes: int = 2, **sizes: int) -> BertClassifier:
    """BERT-base in eval mode with random weights; `sizes` are fields of BertSizes."""
    model = BertClassifier(num_classes, replace(BertSizes(), **sizes))
    initialise(model)
    return model.eval()
