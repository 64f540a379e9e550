"""What the zoo's networks share: SAME padding, head replacement, batch-norm calibration."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding (before, after) of one spatial dimension of `size` pixels.

    The output has ceil(size / stride) pixels; an odd total puts the extra pixel after.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """A bias-free square convolution with TensorFlow's SAME padding, computed from the input."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        top, bottom = same_padding(input.shape[2], kernel, stride)
        left, right = same_padding(input.shape[3], kernel, stride)
        padding = (top, left)
        if (top, left) != (bottom, right):
            # Convolutions pad symmetrically, so an uneven border has to be made beforehand.
            input, padding = F.pad(input, (left, right, top, bottom)), (0, 0)
        return F.conv2d(input, self.weight, None, self.stride, padding, 1, self.groups)


def new_head(features: int, num_classes: int, seed: int = 0) -> nn.Linear:
    """A fresh classifier: weights normal(0, 0.01) from `seed`, biases 0.

    The global random state is not touched, so a fine-tuning run starts from the same head
    whatever was built before it.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        head = nn.Linear(features, num_classes)
    weight = torch.empty(num_classes, features).normal_(0.0, 0.01, generator=generator)
    head.weight = nn.Parameter(weight)
    head.bias = nn.Parameter(torch.zeros(num_classes))
    return head


@torch.no_grad()
def calibrate_batch_norm(model: nn.Module, batch: Tensor) -> nn.Module:
    """Set every batch-norm's running statistics from one batch, in place; returns the model.

    An untrained network in eval mode normalises with mean 0 and variance 1, so its activations
    drift with depth; calibrated, they are of order one, as in a trained network.
    """
    was_training = model.training
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.train()
    model(batch)
    model.train(was_training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model
