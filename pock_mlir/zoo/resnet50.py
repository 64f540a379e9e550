"""ResNet-50 (He et al., CVPR 2016), with torchvision's parameter names."""

import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir.zoo.layers import new_head

# Blocks of each of the four stages.
DEPTHS = (3, 4, 6, 3)
EXPANSION = 4
"""Channels after a block, as a multiple of those inside it."""


class Bottleneck(nn.Module):
    """1x1 reduce, 3x3 (with the stride), 1x1 expand, and a skip."""

    def __init__(self, inputs: int, inside: int, stride: int) -> None:
        super().__init__()
        outputs = inside * EXPANSION
        self.conv1 = nn.Conv2d(inputs, inside, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv3 = nn.Conv2d(inside, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, 4 * inside, ceil(H / stride), ceil(W / stride)]."""
        skip = x if self.downsample is None else self.downsample(x)
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + skip).relu()


def make_stage(inputs: int, inside: int, blocks: int, stride: int) -> nn.Sequential:
    """A stage; its first block changes size and width."""
    first = Bottleneck(inputs, inside, stride)
    return nn.Sequential(
        first, *(Bottleneck(inside * EXPANSION, inside, 1) for _ in range(blocks - 1))
    )


class ResNet(nn.Module):
    """[N, 3, H, W] -> [N, num_classes].

    Parameters are named `conv1`, `bn1`, `layer<1..4>.<i>.{conv,bn}<1..3>`, `.downsample.<0..1>` and
    `fc`, so a torchvision state dict loads by name.
    """

    def __init__(self, num_classes: int, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for i, blocks in enumerate(depths):
            inside = width << i
            self.add_module(f"layer{i + 1}", make_stage(inputs, inside, blocks, 1 if i == 0 else 2))
            inputs = inside * EXPANSION
        self.fc = nn.Linear(inputs, num_classes)
        self.stages = len(depths)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> logits [N, num_classes]."""
        x = self.bn1(self.conv1(x)).relu()
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for i in range(self.stages):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return self.fc(x.mean((2, 3)))

    def replace_head(self, num_classes: int, seed: int = 0) -> None:
        """Put a fresh classifier of `num_classes` outputs on the same features."""
        self.fc = new_head(self.fc.in_features, num_classes, seed)


def resnet50(num_classes: int = 1000, width: int = 64, depths: tuple[int, ...] = DEPTHS) -> ResNet:
    """ResNet-50 in eval mode with random weights; `width` and `depths` make a smaller network."""
    model = ResNet(num_classes, width, depths)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model.eval()
