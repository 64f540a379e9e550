"""Writes a case's folder: the model as a graph with its tensors, a batch, and what schemes train.

Runs as a process of its own in the project's environment, so that the one that measures stays
small: `python -m benchmarks.peers.prepare --model mobilenet_v2@128 --batch 8 --folder F`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.cases import MOMENTUM, PAPER, SCHEMES, Case, find_model
from benchmarks.peers.export import export_graph
from pock_mlir import zoo
from pock_mlir.schemes import Scheme
from pock_mlir.schemes.builtin import is_builtin
from pock_mlir.zoo.layers import calibrate_batch_norm


def make_batch(case: Case, vocabulary: int) -> list[np.ndarray]:
    """The inputs, then the targets; drawn anew the same each time."""
    rng = np.random.default_rng(0)
    model, n = case.model, case.batch
    if model.inputs == "images":
        images = rng.standard_normal((n, 3, model.size, model.size), np.float32)
        return [images, rng.integers(0, 10, n).astype(np.int32)]
    ids = rng.integers(0, vocabulary, (n, model.size)).astype(np.int32)
    if model.inputs == "tokens":
        return [ids, ids]
    mask = np.ones((n, model.size), np.float32)
    return [ids, mask, rng.integers(0, 2, n).astype(np.int32)]


def make_model(case: Case) -> torch.nn.Module:
    """The network with random weights, activations of order one."""
    torch.manual_seed(0)
    network = zoo.create(case.model.zoo, **case.model.options)
    if case.model.inputs == "images":
        size = case.model.size
        calibrate_batch_norm(network, torch.randn(8, 3, size, size))
    return network


def scheme_option(model: str, scheme: str) -> str:
    """What Scheme.load takes: a built-in scheme, or the zoo's file."""
    named = zoo.schemes(model) if scheme in ("sparse", PAPER) else {}
    if scheme not in named and not is_builtin(scheme):
        return "last-2"
    return str(named.get(scheme, scheme))


def selection(network: torch.nn.Module, option: str) -> dict[str, list[Any]]:
    """What a scheme trains of each parameter that it trains."""
    shapes = {name: list(p.shape) for name, p in network.named_parameters()}
    chosen = Scheme.load(option).resolve(shapes)
    return {
        name: [each.axis, each.runs] if each.kind == "slice" else []
        for name, each in chosen.items()
        if each.trains
    }


def prepare(case: Case, folder: Path) -> None:
    """Write the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    network = make_model(case)
    embeddings = [m for m in network.modules() if isinstance(m, torch.nn.Embedding)]
    *inputs, targets = make_batch(case, embeddings[0].num_embeddings if embeddings else 0)
    batch = {f"input{i}": each for i, each in enumerate(inputs)}
    np.savez(folder / "batch.npz", **batch, targets=targets)  # pyright: ignore[reportArgumentType]
    graph, constants = export_graph(network, tuple(torch.from_numpy(each) for each in inputs))
    graph.save(folder / "graph.json")
    tensors = {f"p:{name}": p for name, p in network.named_parameters()}
    tensors |= {f"p:{name}": b for name, b in network.named_buffers()}
    tensors |= {f"c:{name}": each for name, each in constants.items()}
    arrays = {name: each.detach().numpy() for name, each in tensors.items()}
    np.savez(folder / "tensors.npz", **arrays)  # pyright: ignore[reportArgumentType]
    schemes = [*SCHEMES, *([PAPER] if case.model.has_paper_scheme else [])]
    options = {scheme: scheme_option(case.model.zoo, scheme) for scheme in schemes}
    if case.model.name.startswith("blocks-"):  # the zoo's scheme is for six blocks
        options["sparse"] = "last-2"
    for scheme, option in options.items():
        text = json.dumps(selection(network, option))
        (folder / f"scheme-{scheme}.json").write_text(text)
    facts = {
        "zoo": case.model.zoo,
        "options": dict(case.model.options),
        "inputs": case.model.inputs,
        "shards": case.model.shards(case.batch),
        "schemes": options,
        "learning_rates": {scheme: case.model.learning_rate(scheme) for scheme in schemes},
        "momentum": MOMENTUM,
    }
    # The last file: where it is, the folder is whole.
    (folder / "facts.json").write_text(json.dumps(facts))


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    prepare(Case(find_model(options.model), options.batch), options.folder)


if __name__ == "__main__":
    main()
