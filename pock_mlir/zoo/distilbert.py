"""DistilBERT (Sanh et al., 2019), with Hugging Face's parameter names."""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir.zoo.attention import attend, initialise, merge_heads, padding_bias, split_heads
from pock_mlir.zoo.bert import EPSILON, BertSizes

SIZES = BertSizes(layers=6)


class Embeddings(nn.Module):
    """Token plus position, normalised; there are no segments."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocabulary, sizes.width)
        self.position_embeddings = nn.Embedding(sizes.positions, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, EPSILON)

    def forward(self, token_ids: Tensor) -> Tensor:
        """[batch, tokens] -> [batch, tokens, width]."""
        places = self.position_embeddings.weight[: token_ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(token_ids) + places)


class SelfAttention(nn.Module):
    """Multi-head attention and its output projection."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.q_lin = nn.Linear(sizes.width, sizes.width)
        self.k_lin = nn.Linear(sizes.width, sizes.width)
        self.v_lin = nn.Linear(sizes.width, sizes.width)
        self.out_lin = nn.Linear(sizes.width, sizes.width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch, tokens, width] and what is added to the scores -> [batch, tokens, width]."""
        query, key, value = (
            split_heads(layer(x), self.heads) for layer in (self.q_lin, self.k_lin, self.v_lin)
        )
        return self.out_lin(merge_heads(attend(query, key, value, bias)))


class FeedForward(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.lin1 = nn.Linear(sizes.width, sizes.hidden)
        self.lin2 = nn.Linear(sizes.hidden, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return self.lin2(F.gelu(self.lin1(x)))


class Layer(nn.Module):
    """A block: attention, then a feed-forward network, each added to its input and normalised."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.attention = SelfAttention(sizes)
        self.sa_layer_norm = nn.LayerNorm(sizes.width, EPSILON)
        self.ffn = FeedForward(sizes)
        self.output_layer_norm = nn.LayerNorm(sizes.width, EPSILON)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        x = self.sa_layer_norm(x + self.attention(x, bias))
        return self.output_layer_norm(x + self.ffn(x))


class DistilBertModel(nn.Module):
    """Token ids to contextual vectors."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.embeddings = Embeddings(sizes)
        layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.transformer = nn.ModuleDict({"layer": layers})

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [batch, tokens], 1 at tokens and 0 at padding -> [batch, tokens, width]."""
        x = self.embeddings(token_ids)
        bias = padding_bias(attention_mask, x.dtype)
        for layer in self.transformer.get_submodule("layer").children():
            x = layer(x, bias)
        return x


class DistilBertClassifier(nn.Module):
    """[batch, tokens] twice -> [batch, num_classes], by the first token.

    Named as Hugging Face's DistilBertForSequenceClassification: `distilbert.embeddings.*`,
    `distilbert.transformer.layer.<i>.attention.{q,k,v,out}_lin`, `.sa_layer_norm`,
    `.ffn.{lin1,lin2}`, `.output_layer_norm`, `pre_classifier` and `classifier`.
    """

    def __init__(self, num_classes: int, sizes: BertSizes) -> None:
        super().__init__()
        self.distilbert = DistilBertModel(sizes)
        self.pre_classifier = nn.Linear(sizes.width, sizes.width)
        self.classifier = nn.Linear(sizes.width, num_classes)

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids (int) and mask (1 at tokens, 0 at padding) -> logits."""
        first = self.distilbert(token_ids, attention_mask)[:, 0]
        return self.classifier(self.pre_classifier(first).relu())


def distilbert(num_classes: int = 2, **sizes: int) -> DistilBertClassifier:
    """DistilBERT in eval mode with random weights; `sizes` are fields of BertSizes."""
    model = DistilBertClassifier(num_classes, replace(SIZES, **sizes))
    initialise(model)
    return model.eval()
