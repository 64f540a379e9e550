"""benchmarks.peers: the networks that peers get, and what is made of their times."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.peers import report
from benchmarks.peers.__main__ import schemes_of
from benchmarks.peers.cases import MODELS, Case, blocks, paper_target, same_scheme_target
from benchmarks.peers.export import UnknownOperation, export_graph
from benchmarks.peers.graph import OPERATIONS, Graph, channels_last
from benchmarks.peers.results import Ratio, Results
from benchmarks.peers.shortfalls import shortfalls
from pock_mlir import zoo

pytest.importorskip("jax")
IDS = torch.randint(0, 20, (2, 6), dtype=torch.int32)


@pytest.mark.parametrize(
    ("name", "options", "inputs"),
    [
        ("mobilenet_v2", {"width_mult": 0.1, "num_classes": 3}, (torch.randn(2, 3, 32, 32),)),
        ("residual_cnn", {"width": 4}, (torch.randn(2, 3, 16, 16),)),
        (
            "minilm",
            {"layers": 1, "width": 8, "heads": 2, "vocabulary": 20},
            (IDS, torch.ones(2, 6)),
        ),
        (
            "smollm2",
            {"layers": 1, "width": 8, "heads": 2, "key_heads": 1, "hidden": 8, "vocabulary": 20},
            (IDS,),
        ),
    ],
)
def test_the_graph_computes_what_the_model_does(
    name: str, options: dict[str, Any], inputs: tuple[torch.Tensor, ...], tmp_path: Path
) -> None:
    from benchmarks.peers.frameworks import jax

    model = zoo.create(name, **options)
    graph, constants = export_graph(model, inputs)
    graph.save(tmp_path / "graph.json")
    graph = Graph.load(tmp_path / "graph.json")
    values = {f"p:{n}": p.detach().numpy() for n, p in model.named_parameters()}
    values |= {f"p:{n}": b.numpy() for n, b in model.named_buffers()}
    values |= {f"c:{n}": c.numpy() for n, c in constants.items()}
    arrays = [each.numpy() for each in inputs]
    if arrays[0].ndim == 4:
        graph = channels_last(graph)
        arrays = [arrays[0].transpose(0, 2, 3, 1)]
        values |= {f"p:{k}": values[f"p:{k}"].transpose(2, 3, 1, 0) for k in graph.kernels()}
    values |= dict(zip(graph.inputs, arrays, strict=True))
    result = graph.run(values, jax.OPERATIONS)
    np.testing.assert_allclose(result, model(*inputs).detach(), rtol=1e-4, atol=1e-5)


def test_jax_has_every_operation() -> None:
    from benchmarks.peers.frameworks import jax

    assert set(jax.OPERATIONS) == set(OPERATIONS)


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(UnknownOperation, match="aten.cumsum"):
        export_graph(Cumulative(), (torch.randn(2, 3),))


class Cumulative(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.cumsum(1)


def session(**contestants: Any) -> dict[str, Any]:
    named = {name.replace("__", "/"): kept for name, kept in contestants.items()}
    place = {"model": "minilm", "batch": 1, "threads": 2}
    return {**place, "when": "2026-01-02 03:04", "commit": "c", "contestants": named}


def test_ratios_are_of_the_same_rounds(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.json", [])
    ours, theirs = {"ms": [1.0, 2.0, 4.0]}, {"ms": [2.0, 8.0, 8.0]}
    results.add(session(ours__full=ours, pytorch__full=theirs, jax__full={"failure": "no"}))
    again = Results.load(results.path)
    assert again.ratio("minilm", 1, 2, "ours/full", "pytorch/full") == Ratio("pytorch", 2, 2, 3)
    assert again.ratio("minilm", 1, 2, "ours/full", "jax/full") == "no"
    assert again.ratio("minilm", 1, 1, "ours/full", "pytorch/full") is None
    fastest = again.fastest("minilm", 1, 2, "full")
    assert fastest is not None
    assert fastest.peer == "pytorch"


def test_a_session_takes_the_place_of_a_smaller_one(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.json", [])
    small, whole = {"ms": [1.0, 1.0]}, {"ms": [3.0, 3.0]}
    results.add(session(ours__full=small))
    results.add(session(ours__full=whole, pytorch__full=whole))
    assert len(Results.load(results.path).sessions) == 1


def test_machines_have_parts_of_their_own(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.json", [])
    for machine, theirs in ("One(R) (x86-64), 2 cores", 2.0), ("Two (x86-64-avx2), 2 cores", 3.0):
        contestants = {"ours__full": {"ms": [1.0, 1.0]}, "pytorch__full": {"ms": [theirs] * 2}}
        results.add({"machine": machine, **session(**contestants)})
    report.write(results, tmp_path / "page.md")
    one = (tmp_path / "page.md").read_text().partition("## On One(R) (x86-64), 2 cores")
    assert "**3.00 (3.00-3.00)**" in one[0], "that of the latest session comes first"
    assert "**2.00 (2.00-2.00)**" in one[2]
    figures = {path.name for path in tmp_path.glob("*.png")}
    assert figures == {"page-x86-64.png", "page-x86-64-avx2.png"}


def test_targets_stand_beside_the_rows(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.json", [])
    ours, theirs = {"ms": [1.0, 1.0], "compile_s": 2.5}, {"ms": [1.2, 1.2]}
    results.add(session(ours__full=ours, pytorch__full=theirs))
    results.add(session(ours__sparse=ours, pytorch__sparse={"ms": [1.1, 1.1]}))
    report.write(results, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "| **1.20 (1.20-1.20)** pytorch | 1: met |" in page
    assert "| **1.10 (1.10-1.10)** pytorch | 1.15: **not met** |" in page
    assert "- minilm batch 4, 2 threads: full, sparse, bias-only" in page


def test_rows_that_fall_short_say_what_bounds_them(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.json", [])
    ours = {"ms": [2.0, 2.0], "products_ms": 3.0}
    results.add(session(ours__full=ours, pytorch__full={"ms": [2.2, 2.2]}))
    assert shortfalls(results) == ""
    results.add(session(ours__sparse=ours, pytorch__sparse={"ms": [2.2, 2.2]}))
    # Products take 1.5 ms on each of two threads: a step of them alone, 1 / 1.47 of PyTorch's time.
    row = "| minilm batch 1 sparse, 2 threads | pytorch/sparse | 1.10 | 1.15 | 2 | 1.5 | 1.47 |"
    assert shortfalls(results).splitlines()[-1] == row


def test_targets() -> None:
    model = MODELS["mobilenet_v2_035@96"]
    assert same_scheme_target(model, 8, "sparse") == 2.0
    assert same_scheme_target(model, 8, "bias-only") is None
    assert paper_target(model, 8, "tensorflow") == 15.0
    assert paper_target(MODELS["minilm"], 1, "pytorch") == 2.5


def test_the_schemes_of_a_case() -> None:
    asked = ["sparse", "paper"]
    assert schemes_of(Case(MODELS["minilm"], 1), asked) == ["sparse", "paper", "full"]
    assert schemes_of(Case(MODELS["distilbert"], 1), asked) == ["sparse"]
    assert schemes_of(Case(blocks(2), 1), asked) == ["sparse"]
    assert schemes_of(Case(blocks(2), 1), ["full"]) == ["full"]
