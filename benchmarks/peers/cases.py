"""What is measured: the models, their sizes and batches, and the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

MOMENTUM = 0.9
CLASSES = 10
TOKENS = 128
SCHEMES = ("full", "sparse", "bias-only")
_SCHEME_FILES = Path(__file__).parents[2] / "pock_mlir" / "zoo" / "schemes"
PAPER = "paper"
"""The scheme of PockEngine's paper, of models whose `sparse` is another one."""

Family = Literal["depthwise", "dense", "transformer"]
Inputs = Literal["images", "text", "tokens"]


@dataclass(frozen=True)
class Model:
    """A network of the zoo at one size of input.

    Attributes:
        name: how the command line and the tables call it.
        zoo: its name in pock_mlir.zoo.
        family: which targets hold for it.
        inputs: images [N, 3, size, size] and labels; text is token ids [N, size], mask and labels;
            tokens are ids that are their own targets.
        size: pixels a side, or tokens.
        options: of its factory.
    """

    name: str
    zoo: str
    family: Family
    inputs: Inputs
    size: int
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def batches(self) -> tuple[int, int]:
        """The batches that the targets speak of."""
        return (1, 4) if self.family == "transformer" else (1, 8)

    def shards(self, batch: int) -> int:
        """In how many parts our step takes a batch: small networks in one for each processor."""
        return 2 if self.family == "depthwise" and batch % 2 == 0 else 1

    def learning_rate(self, scheme: str) -> float:
        """Large enough to change losses by far more than rounding, which it must not let grow."""
        if self.family == "transformer":
            return 1e-2 if self.inputs == "tokens" else 1e-3
        few = scheme in ("sparse", PAPER)
        if self.family == "dense":
            return 2e-6 if few else 1e-8
        return 2e-5 if few else 5e-7

    @property
    def has_paper_scheme(self) -> bool:
        """Whether the zoo has the paper's scheme for the network, beside `sparse`."""
        return self.name in MODELS and (_SCHEME_FILES / f"{self.zoo}_{PAPER}.toml").is_file()

    @property
    def unit(self) -> str:
        """What is counted per second."""
        return "images/s" if self.inputs == "images" else "tokens/s"


def _images(name: str, zoo: str, size: int, family: Family = "depthwise", **options: Any) -> Model:
    return Model(name, zoo, family, "images", size, {"num_classes": CLASSES, **options})


def _text(name: str, zoo: str, inputs: Inputs = "text", **options: Any) -> Model:
    return Model(name, zoo, "transformer", inputs, TOKENS, options)


MODELS = {
    model.name: model
    for model in (
        _images("mobilenet_v2_035@96", "mobilenet_v2", 96, width_mult=0.35),
        _images("mobilenet_v2@128", "mobilenet_v2", 128),
        _images("efficientnet_lite0@96", "efficientnet_lite0", 96),
        _images("efficientnet_lite0@128", "efficientnet_lite0", 128),
        _images("mcunet@128", "mcunet", 128),
        _images("resnet50@128", "resnet50", 128, "dense"),
        _text("minilm", "minilm"),
        _text("smollm2", "smollm2", "tokens"),
        _text("distilbert", "distilbert"),
    )
}

DEPTHS = (2, 4, 8, 16, 32)
SCALING_BATCHES = (1, 2, 4, 8, 16, 32)
SCALING_MODEL = "mobilenet_v2_035@96"


def blocks(depth: int) -> Model:
    """A small transformer of `depth` blocks, for how time and compile time grow."""
    sizes = {"layers": depth, "width": 128, "heads": 4, "hidden": 512, "vocabulary": 1000}
    return Model(f"blocks-{depth}", "minilm", "transformer", "text", TOKENS, sizes)


def find_model(name: str) -> Model:
    """A model by name, also `blocks-<depth>`. Raises ValueError, listing what there is."""
    if name.startswith("blocks-") and name.removeprefix("blocks-").isdecimal():
        return blocks(int(name.removeprefix("blocks-")))
    if name not in MODELS:
        raise ValueError(f"no model {name!r}; there is {', '.join(MODELS)}, blocks-<depth>")
    return MODELS[name]


@dataclass(frozen=True)
class Case:
    """A model and a batch: what contestants are measured on side by side."""

    model: Model
    batch: int

    @property
    def key(self) -> str:
        """Its name, also of its folder."""
        return f"{self.model.name}-b{self.batch}"

    @property
    def items(self) -> int:
        """Images or tokens in a batch."""
        return self.batch * (1 if self.model.inputs == "images" else self.model.size)


def all_cases() -> Iterator[Case]:
    """Each model at its batches: the rows of all tables but those of scaling."""
    yield from (Case(model, batch) for model in MODELS.values() for batch in model.batches)


def same_scheme_target(model: Model, batch: int, scheme: str) -> float | None:
    """What the fastest peer's time over ours should be at least; None where nothing is asked."""
    if batch not in model.batches or scheme not in ("full", "sparse") or model.name not in MODELS:
        return None
    if model.family == "transformer":
        single = batch == 1
        return {"sparse": 1.15 if single else 1.0, "full": 1.0 if single else 0.9}[scheme]
    depthwise = model.family == "depthwise"
    return {"sparse": 2.0 if depthwise else 1.0, "full": 1.3 if depthwise else 0.9}[scheme]


def paper_target(model: Model, batch: int, peer: str) -> float | None:
    """What the peer's full step over our sparse step should be at least, as the paper compares."""
    if model.name not in MODELS or batch not in model.batches:
        return None
    if model.family == "transformer":
        return 2.5 if peer == "pytorch" else None
    if model.family == "dense":
        return None
    if model.name == "mobilenet_v2_035@96":
        return {"tensorflow": 15.0, "pytorch": 8.0}.get(peer) if batch == 8 else None
    return {"tensorflow": 8.0, "pytorch": 5.0}.get(peer)
