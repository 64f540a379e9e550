"""What the zoo's transformers share: attention as two contractions around a softmax."""

import torch
from torch import Tensor, nn

# What a padding or future token's score gets. Beyond it exp() gives 0 in any float type, and it is
# itself a number in all of them, f16 too.
MASKED = -1e4


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[batch, tokens, heads * size] -> [batch, heads, tokens, size]."""
    batch, tokens, width = x.shape
    return x.view(batch, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """[batch, heads, tokens, size] -> [batch, tokens, heads * size]."""
    batch, heads, tokens, size = x.shape
    return x.transpose(1, 2).reshape(batch, tokens, heads * size)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of queries and keys, [..., tokens, size] each.

    `bias` is added to the scores [..., queries, keys], by broadcasting.
    """
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if bias is not None:
        scores = scores + bias
    return scores.softmax(-1) @ value


def padding_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Mask [batch, tokens], 1 at tokens and 0 at padding -> bias [batch, 1, 1, tokens]."""
    return ((1 - mask.to(dtype)) * MASKED)[:, None, None, :]


def mean_over_tokens(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of [batch, tokens, width] over the tokens whose mask [batch, tokens] is 1."""
    weights = mask.to(x.dtype)[:, :, None]
    return (x * weights).sum(1) / weights.sum(1).clamp(min=1)


def initialise(model: nn.Module, deviation: float = 0.02) -> None:
    """Random weights as transformers are started: normal(0, deviation), biases 0."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, 0.0, deviation)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
