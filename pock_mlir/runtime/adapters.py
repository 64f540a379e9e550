"""Low-rank terms (LoRA, Hu et al. 2022): merged into their weights, or as PEFT's files."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.atomic import replacing
from pock_mlir.runtime.manifest import Manifest, ParameterSpec
from pock_mlir.runtime.safetensors import save_tensors

Array = NDArray[Any]
_WEIGHT = ".weight"


@dataclass(frozen=True)
class Adapter:
    """`scale * B A`, which the model adds to a weight.

    Attributes:
        weight: the name of the weight.
        a, b: the names of A [rank, in, ...] and B [out, rank].
        axis: the dimension of the weight that is "out".
        scale: alpha / rank.
    """

    weight: str
    a: str
    b: str
    axis: int
    scale: float

    def delta(self, values: Mapping[str, Array]) -> Array:
        """The term, in the shape of the weight."""
        product = np.tensordot(values[self.b], values[self.a], 1)
        return np.moveaxis(self.scale * product, 0, self.axis)


def adapters(manifest: Manifest) -> Iterator[Adapter]:
    """The adapters of a program."""
    factors: dict[str, dict[str, ParameterSpec]] = {}
    for spec in manifest.parameters:
        if spec.adapter is not None:
            factors.setdefault(spec.adapter.of, {})[spec.adapter.factor] = spec
    for weight, pair in factors.items():
        one = pair["A"].adapter
        assert one is not None
        yield Adapter(weight, pair["A"].name, pair["B"].name, one.axis, one.scale)


def merged(manifest: Manifest, values: Mapping[str, Array]) -> dict[str, Array]:
    """The adapted weights with their terms added; `values` has them and the factors by name."""
    return {
        adapter.weight: values[adapter.weight]
        + adapter.delta(values).astype(values[adapter.weight].dtype)
        for adapter in adapters(manifest)
    }


def save_peft(
    directory: str | os.PathLike[str], manifest: Manifest, values: Mapping[str, Array]
) -> None:
    """Write `adapter_model.safetensors` and `adapter_config.json` as the `peft` package has them.

    Raises:
        ValueError: the program has no adapters, or some whose weights are no PyTorch module's.
        OSError: the files cannot be written.
    """
    found = list(adapters(manifest))
    if not found:
        raise ValueError("the program has no adapters; its scheme trains nothing with lora")
    others = [adapter.weight for adapter in found if not adapter.weight.endswith(_WEIGHT)]
    if others:
        raise ValueError(
            "the format is for layers of PyTorch, whose weights are named '<layer>.weight'; "
            f"there are adapters of {', '.join(others)}"
        )
    ranks = {adapter: int(values[adapter.a].shape[0]) for adapter in found}
    tensors: dict[str, Array] = {}
    for adapter in found:
        a, b = values[adapter.a], values[adapter.b]
        tensors[f"base_model.model.{adapter.a}"] = a
        tensors[f"base_model.model.{adapter.b}"] = b.reshape(*b.shape, *[1] * (a.ndim - 2))
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / "adapter_model.safetensors", tensors, {"format": "pt"})
    config = json.dumps(_peft_config(ranks, _layers(manifest)), indent=2).encode()
    with replacing(folder / "adapter_config.json") as file:
        file.write(config)


def _layers(manifest: Manifest) -> set[str]:
    """The layers of the model that have a weight."""
    names = {n for spec in manifest.parameters for n in (spec.name, *spec.aliases)}
    return {name.removesuffix(_WEIGHT) for name in names if name.endswith(_WEIGHT)}


def _peft_config(ranks: Mapping[Adapter, int], layers: set[str]) -> dict[str, Any]:
    """The most frequent rank and alpha are the defaults, the others are patterns."""
    modules = {a: a.weight.removesuffix(_WEIGHT) for a in ranks}
    settings = {a: (rank, a.scale * rank) for a, rank in ranks.items()}
    ((rank, alpha), _), *_ = Counter(settings.values()).most_common(1)
    return {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": None,
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {_only(modules[a]): r for a, (r, _) in settings.items() if r != rank},
        "alpha_pattern": {_only(modules[a]): v for a, (_, v) in settings.items() if v != alpha},
        "target_modules": _targets(list(modules.values()), layers),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "inference_mode": True,
    }


def _only(module: str) -> str:
    """A pattern for a module, and not for those whose names end like it."""
    return f"^{re.escape(module)}"


def _targets(modules: Sequence[str], layers: set[str]) -> list[str] | str:
    """A name in PEFT's list also stands for those that end like it; a pattern then tells better."""
    others = layers.difference(modules)
    if any(other.endswith(f".{module}") for other in others for module in modules):
        return "|".join(re.escape(module) for module in modules)
    return list(modules)
