"""Gradients of small networks against PyTorch's autograd, through the importer."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.gradients.against_torch import assert_gradients_agree

ACTIVATIONS = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "leaky_relu": nn.LeakyReLU(0.1),
    "elu": nn.ELU(),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "tanh": nn.Tanh(),
    "softmax": nn.Softmax(-1),
    "softmax_over_batch": nn.Softmax(0),
    "log_softmax": nn.LogSoftmax(-1),
    "layer_norm": nn.LayerNorm(6),
    "group_norm": nn.GroupNorm(2, 6),
}


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str):
    model = nn.Sequential(nn.Linear(4, 6), ACTIVATIONS[name], nn.Linear(6, 3))
    assert_gradients_agree(model, 3 * _random(5, 4))


class Block(nn.Module):
    """An inverted residual with batch-norm, and pooling around it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.expand = nn.Conv2d(4, 8, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.inner_norm = nn.BatchNorm2d(8, momentum=0.3)
        self.project = nn.Conv2d(8, 4, 1)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu6(self.norm(self.stem(x))), 3, 2, 1)
        y = F.relu6(self.inner_norm(self.depthwise(F.hardswish(self.expand(x)))))
        x = x + self.project(y)
        return self.head(F.avg_pool2d(x, 2).mean((2, 3)))


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_residual_network(training: bool):
    model = Block()
    for norm in (model.norm, model.inner_norm):
        nn.init.normal_(norm.weight, 1, 0.2)
        nn.init.normal_(norm.bias)
        norm.register_buffer("running_var", torch.linspace(0.5, 2, norm.num_features))
    assert_gradients_agree(model, _random(2, 2, 16, 12), training=training)


class Attention(nn.Module):
    """A transformer's layer: softmax over scores, layer norms, GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 8)
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.mlp = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.norm = nn.LayerNorm(8)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2) / 2).softmax(-1)
        x = x + self.out((scores @ v).transpose(1, 2).flatten(2))
        return x + self.mlp(x)


def test_attention():
    assert_gradients_agree(Attention(), torch.tensor([[1, 5, 1], [0, 6, 2]]))


class Tied(nn.Module):
    """One weight, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.tanh(self.layer(x)))


def test_weight_that_is_read_twice_gets_the_sum():
    assert_gradients_agree(Tied(), _random(3, 4))


class Skip(nn.Module):
    """A value with two users, of which one is the skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        return x + torch.tanh(self.second(x))


def test_gradient_of_a_skip_connection_is_added():
    assert_gradients_agree(Skip(), _random(3, 4))


CONVOLUTIONS = {
    "1-D": (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 2, 7)),
    "3-D": (nn.Conv3d(2, 3, 2, stride=(1, 2, 1), padding=1), (1, 2, 2, 3, 2)),
    "transposed": (nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1), (2, 2, 3, 3)),
    "transposed 1-D": (nn.ConvTranspose1d(2, 3, 4, stride=2), (2, 2, 5)),
    "transposed, grouped": (
        nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, dilation=2),
        (1, 4, 3, 3),
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str):
    model, shape = CONVOLUTIONS[name]
    assert_gradients_agree(model, _random(*shape))


OPERATORS = {
    "log_sum_exp": lambda x: x.logsumexp(1),
    "std": lambda x: x.std(1),
    "norm": lambda x: x.norm(dim=1),
    "product": lambda x: x.prod(1),
    "amax": lambda x: x.amax(1),
    "largest_and_where": lambda x: x.max(1).values,
    "dilated_max_pool": lambda x: F.max_pool1d(x[None], 2, 1, dilation=2),
    "log_cumulative_sum_exp": lambda x: x.logcumsumexp(1),
    "indexing": lambda x: x[:, 1:3] * x[:, [0, 2]],
    "flip": lambda x: x.flip(1) * x,
    "cumsum": lambda x: x.cumsum(1),
    "roll": lambda x: x.roll(1, 1) * x,
    "where": lambda x: torch.where(x > 0, x * x, torch.exp(x)),
    "pad": lambda x: F.pad(x, (1, 2)) ** 2,
    "clamp": lambda x: x.clamp(-0.5, 0.5) * x,
    "erf": lambda x: torch.erf(x) * x,
    "std_and_mean": lambda x: (x - x.mean(0)) / (x.var(0) + 0.1).sqrt(),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.tensor([1, 0, 3])),
    "mse": lambda x: F.mse_loss(x, x.flip(0)),
    "l1": lambda x: F.l1_loss(x, torch.zeros(3, 5)),
}


class Operator(nn.Module):
    """A function of a parameter."""

    def __init__(self, function, value: torch.Tensor) -> None:
        super().__init__()
        self.function, self.value = function, nn.Parameter(value)

    def forward(self) -> torch.Tensor:
        return self.function(self.value)


@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name: str):
    assert_gradients_agree(Operator(OPERATORS[name], _random(3, 5)))


# ---- kinks: where a function has no derivative, PyTorch's choice is ours ---------------------

TIED = torch.tensor([[0.0, 1.0, 1.0, -3.0], [6.0, 0.0, 0.0, 6.0], [3.0, -3.0, 3.0, 2.0]])
IMAGE = torch.tensor([0.0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]).reshape(1, 1, 4, 4)
KINKS = {
    "relu": (torch.relu, TIED),
    "relu6": (F.relu6, TIED),
    "hardtanh": (F.hardtanh, TIED),
    "hardswish": (F.hardswish, TIED),
    "hardsigmoid": (F.hardsigmoid, TIED),
    "clamp": (lambda x: x.clamp(0, 6), TIED),
    "clamp_min": (lambda x: x.clamp(min=1), TIED),
    "abs": (torch.abs, TIED),
    "amax": (lambda x: x.amax(1), TIED),
    "amin": (lambda x: x.amin((0, 1)), TIED),
    "maximum": (lambda x: torch.maximum(x, x.flip(1)), TIED),
    "minimum": (lambda x: torch.minimum(x, x.flip(0)), TIED),
    "square": (lambda x: x**2, TIED),
    "product": (lambda x: x.prod(1), TIED),
    "product_with_two_zeros": (lambda x: x.prod(0), torch.tensor([[0.0, 2], [0, 0], [3, 4]])),
    "max_pool": (lambda x: F.max_pool2d(x, 2), IMAGE),
    "overlapping_max_pool": (lambda x: F.max_pool2d(x, 3, 2, 1), IMAGE),
    "softmax": (lambda x: x.softmax(1), TIED),
}


@pytest.mark.parametrize("name", KINKS)
def test_kink(name: str):
    function, value = KINKS[name]
    assert_gradients_agree(Operator(function, value))
