"""ViT-tiny (Dosovitskiy et al., ICLR 2021; Touvron et al., ICML 2021), with timm's names."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir.zoo.attention import attend, initialise, merge_heads
from pock_mlir.zoo.layers import new_head


@dataclass(frozen=True)
class VitSizes:
    """The sizes of a vision transformer; those of ViT-tiny by default.

    Attributes:
        layers: number of transformer blocks.
        width: size of a patch's vector.
        heads: attention heads, a divisor of `width`.
        pixels: height and width of an image.
        patch: height and width of a patch, a divisor of `pixels`.
    """

    layers: int = 12
    width: int = 192
    heads: int = 3
    pixels: int = 224
    patch: int = 16

    @property
    def patches(self) -> int:
        """Patches of an image."""
        return (self.pixels // self.patch) ** 2


EPSILON = 1e-6
"""Of the layer normalisations."""


class Attention(nn.Module):
    """Multi-head attention; one layer makes queries, keys and values."""

    def __init__(self, sizes: VitSizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.qkv = nn.Linear(sizes.width, 3 * sizes.width)
        self.proj = nn.Linear(sizes.width, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        batch, tokens, width = x.shape
        size = width // self.heads
        heads = self.qkv(x).view(batch, tokens, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        return self.proj(merge_heads(attend(heads[0], heads[1], heads[2])))


class Mlp(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then a feed-forward network, each on normalised input, each added."""

    def __init__(self, sizes: VitSizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width, EPSILON)
        self.attn = Attention(sizes)
        self.norm2 = nn.LayerNorm(sizes.width, EPSILON)
        self.mlp = Mlp(sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, tokens, width] -> the same shape."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """[N, 3, pixels, pixels] -> [N, num_classes], by a class token.

    Parameters are named `cls_token`, `pos_embed`, `patch_embed.proj`,
    `blocks.<i>.{norm1,attn.qkv,attn.proj,norm2,mlp.fc1,mlp.fc2}`, `norm` and `head`.
    """

    def __init__(self, num_classes: int, sizes: VitSizes) -> None:
        super().__init__()
        patches = nn.Conv2d(3, sizes.width, sizes.patch, stride=sizes.patch)
        self.patch_embed = nn.ModuleDict({"proj": patches})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, sizes.patches + 1, sizes.width))
        self.blocks = nn.Sequential(*(Block(sizes) for _ in range(sizes.layers)))
        self.norm = nn.LayerNorm(sizes.width, EPSILON)
        self.head = nn.Linear(sizes.width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, pixels, pixels] -> logits [N, num_classes]."""
        patches = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        first = self.cls_token.expand(len(x), 1, -1)
        x = self.blocks(torch.cat((first, patches), 1) + self.pos_embed)
        return self.head(self.norm(x)[:, 0])

    def replace_head(self, num_classes: int, seed: int = 0) -> None:
        """Put a fresh classifier of `num_classes` outputs on the same features."""
        self.head = new_head(self.head.in_features, num_classes, seed)


def vit_tiny(num_classes: int = 1000, **sizes: int) -> VisionTransformer:
    """ViT-tiny in eval mode with random weights; `sizes` are fields of VitSizes."""
    model = VisionTransformer(num_classes, replace(VitSizes(), **sizes))
    initialise(model)
    for tokens in (model.cls_token, model.pos_embed):
        nn.init.normal_(tokens, 0.0, 0.02)
    return model.eval()
