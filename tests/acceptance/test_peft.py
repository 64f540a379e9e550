"""The files of `save_adapters` are what the `peft` package loads, onto models of the same names.

`peft` is no dependency of the project: docs/schemes.md says how to run this.
"""

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pock_mlir as pock
from pock_mlir import zoo
from pock_mlir.data.fetch import FetchError
from pock_mlir.zoo.minilm import SIZES, MiniLM

TOLERANCE = 1e-5
STEPS = 5


def peft() -> Any:
    return pytest.importorskip("peft", reason="peft is not installed; see docs/schemes.md")


class Inner(nn.Module):
    """A layer that has the name of another one behind a prefix."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(16, 16)
        self.fc3 = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 16] -> [batch, 16]."""
        return self.fc3(torch.tanh(self.fc1(x)))


class Net(nn.Module):
    """Convolution and linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(96, 16)
        self.inner = Inner()
        self.fc3 = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 3, 8, 8] -> [batch, 4]."""
        hidden = torch.tanh(self.conv(x)).flatten(1)
        return self.fc3(self.inner(torch.tanh(self.fc1(hidden))))


def lora(**ranks: int) -> pock.Scheme:
    """Adapters of alpha 6 on some layers."""
    rule = '[[rule]]\nmatch = "{}.weight"\nupdate = "lora"\nrank = {}\nalpha = 6\n'
    rules = [rule.format(name.replace("__", "."), rank) for name, rank in ranks.items()]
    return pock.Scheme.from_toml("".join(rules))


def trained(model: nn.Module, inputs: tuple[Tensor, ...], scheme: Any, classes: int) -> Any:
    """A trainer after a few steps of a learning rate that moves the outputs."""
    program = pock.compile(model, inputs, optimizer=pock.SGD(lr=0.3, momentum=0.9), scheme=scheme)
    trainer = pock.Trainer(program.artifact)
    labels = np.arange(len(inputs[0]), dtype=np.int32) % classes
    for _ in range(STEPS):
        trainer.step(*(each.numpy() for each in inputs), labels)
    return trainer


def with_weights(model: nn.Module, trainer: pock.Trainer) -> nn.Module:
    """A copy of the model with all that was trained, terms added."""
    made = copy.deepcopy(model)
    made.load_state_dict({name: torch.tensor(v) for name, v in trainer.state_dict().items()})
    return made.eval()


def adapted(base: nn.Module, folder: Path) -> nn.Module:
    """The base model with the adapters of the folder, every one of which has its place."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = peft().PeftModel.from_pretrained(base, str(folder))
    assert not [each for each in caught if "adapter keys" in str(each.message)]
    return model.eval()


# All of one rank; several; and layers whose names end as those of layers without an adapter do.
@pytest.mark.acceptance
@pytest.mark.parametrize(
    "ranks",
    [
        {"conv": 3, "fc1": 3, "inner__fc1": 3},
        {"conv": 2, "fc1": 3, "inner__fc1": 3, "fc3": 4, "inner__fc3": 2},
        {"fc1": 2, "fc3": 4},
    ],
    ids=["one rank", "several ranks", "ambiguous names"],
)
def test_layers(ranks: dict[str, int], tmp_path: Path) -> None:
    peft()
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(5, 3, 8, 8)
    trainer = trained(net, (x,), lora(**ranks), 4)
    trainer.save_adapters(tmp_path)
    model = adapted(copy.deepcopy(net), tmp_path)
    placed = {n.partition(".lora_A")[0] for n, _ in model.named_parameters() if ".lora_A" in n}
    assert placed == {f"base_model.model.{name.replace('__', '.')}" for name in ranks}
    with torch.no_grad():
        before, expected, got = net(x), with_weights(net, trainer)(x), model(x)
    assert (expected - before).abs().max() > 0.01
    torch.testing.assert_close(got, expected, rtol=0, atol=TOLERANCE)


@pytest.fixture(scope="module")
def sentences() -> tuple[Tensor, Tensor]:
    """Ids and mask of two sentences of 12 and 16 tokens."""
    ids = torch.randint(5, SIZES.vocabulary, (2, 16), generator=torch.Generator().manual_seed(1))
    return ids.int(), (torch.arange(16)[None] < torch.tensor([[12], [16]])).float()


def minilm() -> MiniLM:
    try:
        return zoo.create("minilm", pretrained=True)  # pyright: ignore[reportReturnType]
    except FetchError as error:
        pytest.skip(str(error))


@pytest.mark.acceptance
def test_minilm(sentences: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    """With its real weights: on the zoo's model, and on the one of `transformers`."""
    peft()
    transformers = pytest.importorskip("transformers")
    torch.set_num_threads(1)
    model, (ids, mask) = minilm(), sentences
    trainer = trained(model, sentences, zoo.scheme_path("minilm", "lora"), 2)
    trainer.save_adapters(tmp_path)
    merged = with_weights(model, trainer)
    assert isinstance(merged, MiniLM)

    base = copy.deepcopy(model)
    base.classifier = merged.classifier  # trained as well, and in no adapter
    config = transformers.BertConfig(
        hidden_size=SIZES.width,
        intermediate_size=SIZES.hidden,
        num_hidden_layers=SIZES.layers,
        num_attention_heads=SIZES.heads,
    )
    bert = transformers.BertModel(config, add_pooling_layer=False)
    bert.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        expected, before = merged(ids, mask), base(ids, mask)
        assert (expected - before).abs().max() > 0.01
        difference = (adapted(base, tmp_path)(ids, mask) - expected).abs().max()
        states = adapted(bert, tmp_path)(ids.long(), mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        of_transformers = (mean - merged.features(ids, mask)).abs().max()
    print(f"max abs difference: {difference:.1e}; of transformers' model {of_transformers:.1e}")
    assert difference < TOLERANCE
    assert of_transformers < TOLERANCE
