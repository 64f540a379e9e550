"""A multi-layer perceptron."""

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear layers with ReLU between them: [N, inputs] -> [N, num_classes].

    Parameters are named `layers.<i>.weight` [out, in] and `layers.<i>.bias` [out].
    """

    def __init__(
        self, inputs: int = 64, hidden: tuple[int, ...] = (128, 128), num_classes: int = 10
    ) -> None:
        super().__init__()
        widths = (inputs, *hidden, num_classes)
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs] -> logits [N, num_classes]."""
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


def mlp(inputs: int = 64, hidden: tuple[int, ...] = (128, 128), num_classes: int = 10) -> MLP:
    """An MLP in eval mode, with PyTorch's default random weights."""
    return MLP(inputs, hidden, num_classes).eval()
