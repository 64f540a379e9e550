"""The LLaMA architecture (Touvron et al., 2023), with Hugging Face's parameter names."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir.zoo.attention import MASKED, attend


@dataclass(frozen=True)
class LlamaSizes:
    """The sizes of a LLaMA; those of LLaMA-2-7B by default.

    Attributes:
        layers: number of transformer blocks.
        width: size of a token's vector.
        heads: attention heads, a divisor of `width`.
        key_heads: heads of keys and values, a divisor of `heads`; each serves a group of queries.
        hidden: width of the feed-forward networks.
        vocabulary: number of token ids.
        tied: whether the output projection is the embedding.
        rope_base: base of the rotary embedding's wavelengths.
        epsilon: of the normalisations.
    """

    layers: int = 32
    width: int = 4096
    heads: int = 32
    key_heads: int = 32
    hidden: int = 11008
    vocabulary: int = 32000
    tied: bool = False
    rope_base: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        """Size of a head's queries, keys and values."""
        return self.width // self.heads


class RMSNorm(nn.Module):
    """Divide by the root of the mean square, and scale: [..., width] -> [..., width]."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return x * (x.square().mean(-1, keepdim=True) + self.epsilon).rsqrt() * self.weight


@dataclass(frozen=True)
class Places:
    """What attention knows of the tokens' places.

    Attributes:
        cosine: of each place's angles, [tokens, head_size / 2].
        sine: the same of the sine.
        bias: what is added to the scores, [tokens, tokens]: later tokens are out of sight.
    """

    cosine: Tensor
    sine: Tensor
    bias: Tensor

    @classmethod
    def of(cls, tokens: int, sizes: LlamaSizes, device: torch.device) -> "Places":
        """The places 0 to `tokens` - 1."""
        place = torch.arange(tokens, device=device)
        half = sizes.head_size // 2
        exponent = torch.arange(half, device=device, dtype=torch.float32) / half
        angle = place[:, None] * (sizes.rope_base**-exponent)[None]
        later = place[None] > place[:, None]
        return cls(angle.cos(), angle.sin(), later * MASKED)

    def rotate(self, x: Tensor) -> Tensor:
        """Turn the pairs (x[i], x[i + size / 2]) by their place's angles: [..., tokens, size]."""
        first, second = x.chunk(2, -1)
        return torch.cat(
            (
                first * self.cosine - second * self.sine,
                second * self.cosine + first * self.sine,
            ),
            -1,
        )


class LlamaAttention(nn.Module):
    """Causal attention with rotary places; a group of query heads shares a key head."""

    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.key_heads, self.size = sizes.key_heads, sizes.head_size
        keys = sizes.key_heads * sizes.head_size
        self.q_proj = nn.Linear(sizes.width, sizes.width, bias=False)
        self.k_proj = nn.Linear(sizes.width, keys, bias=False)
        self.v_proj = nn.Linear(sizes.width, keys, bias=False)
        self.o_proj = nn.Linear(sizes.width, sizes.width, bias=False)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        batch, tokens, width = x.shape
        query = places.rotate(self._heads(self.q_proj(x)))
        key = places.rotate(self._heads(self.k_proj(x)))
        value = self._heads(self.v_proj(x))
        # A group's queries stand one below the other: no key or value is repeated.
        groups = width // self.size // self.key_heads
        stacked = query.reshape(batch, self.key_heads, groups * tokens, self.size)
        seen = attend(stacked, key, value, places.bias.repeat(groups, 1))
        heads = seen.reshape(batch, self.key_heads * groups, tokens, self.size)
        return self.o_proj(heads.transpose(1, 2).reshape(batch, tokens, width))

    def _heads(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        return x.view(batch, tokens, width // self.size, self.size).transpose(1, 2)


class LlamaMLP(nn.Module):
    """The gated feed-forward network."""

    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(sizes.width, sizes.hidden, bias=False)
        self.up_proj = nn.Linear(sizes.width, sizes.hidden, bias=False)
        self.down_proj = nn.Linear(sizes.hidden, sizes.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaLayer(nn.Module):
    """A block: attention, then a feed-forward network, each on normalised input, each added."""

    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.self_attn = LlamaAttention(sizes)
        self.mlp = LlamaMLP(sizes)
        self.input_layernorm = RMSNorm(sizes.width, sizes.epsilon)
        self.post_attention_layernorm = RMSNorm(sizes.width, sizes.epsilon)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        x = x + self.self_attn(self.input_layernorm(x), places)
        return x + self.mlp(self.post_attention_layernorm(x))


class LlamaModel(nn.Module):
    """Token ids to contextual vectors."""

    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.embed_tokens = nn.Embedding(sizes.vocabulary, sizes.width)
        self.layers = nn.ModuleList(LlamaLayer(sizes) for _ in range(sizes.layers))
        self.norm = RMSNorm(sizes.width, sizes.epsilon)

    def forward(self, token_ids: Tensor) -> Tensor:
        """[batch, tokens] (int) -> [batch, tokens, width]."""
        places = Places.of(token_ids.shape[1], self.sizes, token_ids.device)
        x = self.embed_tokens(token_ids)
        for layer in self.layers:
            x = layer(x, places)
        return self.norm(x)


class Llama(nn.Module):
    """A language model: [batch, tokens] ids (int) -> logits [batch, tokens, vocabulary].

    The logits at a place are of the token after it. Parameters are named `model.embed_tokens`,
    `model.layers.<i>.self_attn.{q,k,v,o}_proj`, `.mlp.{gate,up,down}_proj`,
    `.{input,post_attention}_layernorm`, `model.norm` and `lm_head`.
    """

    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.model = LlamaModel(sizes)
        self.lm_head = nn.Linear(sizes.width, sizes.vocabulary, bias=False)
        if sizes.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, token_ids: Tensor) -> Tensor:
        """[batch, tokens] -> [batch, tokens, vocabulary]."""
        return self.lm_head(self.model(token_ids))
