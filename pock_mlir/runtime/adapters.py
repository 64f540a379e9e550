"""Low-rank terms (LoRA, Hu et al. 2022): merged into their weights, or as PEFT's files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pock_mlir.runtime.atomic import replacing
from pock_mlir.runtime.manifest import Manifest, ParameterSpec
from pock_mlir.runtime.safetensors import save_tensors

Array = NDArray[Any]


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
        ValueError: the program has no adapters.
        OSError: the files cannot be written.
    """
    found = list(adapters(manifest))
    if not found:
        raise ValueError("the program has no adapters; its scheme trains nothing with lora")
    ranks = {adapter: int(values[adapter.a].shape[0]) for adapter in found}
    tensors: dict[str, Array] = {}
    for adapter in found:
        a, b = values[adapter.a], values[adapter.b]
        tensors[f"base_model.model.{adapter.a}"] = a
        tensors[f"base_model.model.{adapter.b}"] = b.reshape(*b.shape, *[1] * (a.ndim - 2))
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / "adapter_model.safetensors", tensors, {"format": "pt"})
    config = json.dumps(_peft_config(ranks), indent=2).encode()
    with replacing(folder / "adapter_config.json") as file:
        file.write(config)


def _peft_config(ranks: Mapping[Adapter, int]) -> dict[str, Any]:
    """The most frequent rank and alpha are the defaults, the others are patterns."""
    modules = {a: a.weight.removesuffix(".weight") for a in ranks}
    alphas = {a: a.scale * rank for a, rank in ranks.items()}
    usual = next(iter(ranks))
    return {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": None,
        "r": ranks[usual],
        "lora_alpha": alphas[usual],
        "rank_pattern": {modules[a]: r for a, r in ranks.items() if r != ranks[usual]},
        "alpha_pattern": {modules[a]: v for a, v in alphas.items() if v != alphas[usual]},
        "target_modules": list(modules.values()),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "inference_mode": True,
    }
