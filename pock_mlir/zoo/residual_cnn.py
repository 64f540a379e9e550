"""A small convolutional network with skip connections and an overlapping max-pool."""

import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3x3 convolutions and a skip; the skip is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]."""
        y = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(y)) + self.skip(x)).relu()


class ResidualCNN(nn.Module):
    """Stem, 3x3/2 max-pool, blocks, global average pool: [N, 3, H, W] -> [N, num_classes].

    The first block keeps the width (identity skip); each later one doubles it at stride 2.
    Parameters are named `stem.*`, `stem_bn.*`, `blocks.<i>.*` and `fc.*`.
    """

    def __init__(self, width: int = 16, blocks: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(width)
        widths = [width] + [width << i for i in range(blocks)]
        self.blocks = nn.Sequential(
            *(Block(widths[i], widths[i + 1], 1 if i == 0 else 2) for i in range(blocks))
        )
        self.fc = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> logits [N, num_classes]."""
        x = self.stem_bn(self.stem(x)).relu()
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        x = self.blocks(x)
        return self.fc(x.mean((2, 3)))


def residual_cnn(width: int = 16, blocks: int = 3, num_classes: int = 10) -> ResidualCNN:
    """A ResidualCNN in eval mode (batch-norm statistics frozen), with random weights."""
    return ResidualCNN(width, blocks, num_classes).eval()
