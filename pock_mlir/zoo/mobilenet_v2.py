"""MobileNetV2 (Sandler et al., CVPR 2018), with torchvision's parameter names."""

from torch import Tensor, nn

from pock_mlir.zoo.layers import new_head

# One row a stage: expansion, output channels at width 1, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def scaled(channels: int, width_mult: float, divisor: int = 8) -> int:
    """Channels at a width: the nearest multiple of `divisor`, never more than 10 % below."""
    wanted = channels * width_mult
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wanted else rounded


def conv_bn_relu6(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution (symmetric padding), batch-norm, ReLU6."""
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    """1x1 expand, depthwise 3x3, 1x1 project; a skip where the shape is kept."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.skips = stride == 1 and inputs == outputs
        layers: list[nn.Module] = [conv_bn_relu6(inputs, hidden, 1)] if expand != 1 else []
        layers.append(conv_bn_relu6(hidden, hidden, 3, stride, groups=hidden))
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]."""
        return x + self.conv(x) if self.skips else self.conv(x)


class MobileNetV2(nn.Module):
    """[N, 3, H, W] -> [N, num_classes].

    Parameters are named `features.0` (stem), `features.<1..17>.conv.<i>`, `features.18` (last
    convolution) and `classifier.1`, so a torchvision state dict loads by name.
    """

    def __init__(self, num_classes: int = 1000, width_mult: float = 1.0) -> None:
        super().__init__()
        inputs = scaled(32, width_mult)
        self.last_channels = scaled(1280, max(1.0, width_mult))
        layers: list[nn.Module] = [conv_bn_relu6(3, inputs, 3, stride=2)]
        for expand, channels, count, stride in STAGES:
            outputs = scaled(channels, width_mult)
            for i in range(count):
                layers.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, expand))
                inputs = outputs
        layers.append(conv_bn_relu6(inputs, self.last_channels, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(self.last_channels, num_classes))
        self.initialise()

    def initialise(self) -> None:
        """Random weights as torchvision draws them."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> logits [N, num_classes]."""
        return self.classifier(self.features(x).mean((2, 3)))

    def replace_head(self, num_classes: int, seed: int = 0) -> None:
        """Put a fresh classifier of `num_classes` outputs on the same features."""
        self.classifier[1] = new_head(self.last_channels, num_classes, seed)


def mobilenet_v2(num_classes: int = 1000, width_mult: float = 1.0) -> MobileNetV2:
    """MobileNetV2 in eval mode (no dropout, batch-norm statistics frozen), random weights."""
    return MobileNetV2(num_classes, width_mult).eval()
