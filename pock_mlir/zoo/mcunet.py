"""MCUNet, the network searched for 5 frames a second on a microcontroller of 320 KB of memory.

Architecture: Lin et al., NeurIPS 2020, as the authors' `mcunet-5fps_imagenet` describes it; their
parameter names. Their training of it in 256 KB (Lin et al., NeurIPS 2022) uses 128-pixel images.
"""

from collections import OrderedDict

from torch import Tensor, nn

from pock_mlir.zoo.layers import new_head

STEM = 16

# One row a block: expansion, output channels, stride, kernel.
BLOCKS = (
    (1, 8, 1, 3),
    (4, 16, 2, 3),
    (3, 16, 1, 3),
    (3, 24, 2, 7),
    (5, 24, 1, 3),
    (5, 40, 2, 3),
    (4, 40, 1, 7),
    (4, 48, 1, 5),
    (3, 48, 1, 3),
    (4, 48, 1, 3),
    (5, 96, 2, 7),
    (4, 96, 1, 5),
    (4, 96, 1, 5),
    (6, 160, 1, 3),
)


def conv_layer(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activate: bool = True,
) -> nn.Sequential:
    """Convolution (symmetric padding), batch-norm, and ReLU6 if it `activate`s."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers: dict[str, nn.Module] = {"conv": conv, "bn": nn.BatchNorm2d(outputs)}
    if activate:
        layers["act"] = nn.ReLU6()
    return nn.Sequential(OrderedDict(layers))


class Block(nn.Module):
    """Inverted residual: 1x1 expand, depthwise, 1x1 project; a skip where the shape is kept."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.skips = stride == 1 and inputs == outputs
        layers: dict[str, nn.Module] = {}
        if expand != 1:
            layers["inverted_bottleneck"] = conv_layer(inputs, hidden)
        layers["depth_conv"] = conv_layer(hidden, hidden, kernel, stride, groups=hidden)
        layers["point_linear"] = conv_layer(hidden, outputs, activate=False)
        self.mobile_inverted_conv = nn.Sequential(OrderedDict(layers))

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]."""
        y = self.mobile_inverted_conv(x)
        return x + y if self.skips else y


class MCUNet(nn.Module):
    """[N, 3, H, W] -> [N, num_classes]; 14 blocks.

    Parameters are named `first_conv.{conv,bn}`, `blocks.<i>.mobile_inverted_conv.
    {inverted_bottleneck,depth_conv,point_linear}.{conv,bn}` (block 0 has no inverted_bottleneck)
    and `classifier.linear`.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.first_conv = conv_layer(3, STEM, kernel=3, stride=2)
        blocks, inputs = [], STEM
        for expand, outputs, stride, kernel in BLOCKS:
            blocks.append(Block(inputs, outputs, kernel, stride, expand))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.ModuleDict({"linear": nn.Linear(inputs, num_classes)})

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> logits [N, num_classes]."""
        features = self.blocks(self.first_conv(x)).mean((2, 3))
        return self.classifier["linear"](features)

    def replace_head(self, num_classes: int, seed: int = 0) -> None:
        """Put a fresh classifier of `num_classes` outputs on the same features."""
        self.classifier["linear"] = new_head(BLOCKS[-1][1], num_classes, seed)


def mcunet(num_classes: int = 1000) -> MCUNet:
    """MCUNet-5fps in eval mode (batch-norm statistics frozen) with random weights."""
    model = MCUNet(num_classes)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return model.eval()
