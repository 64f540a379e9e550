from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from pock_mlir import demo
from pock_mlir.api import Program
from pock_mlir.demo import comparison
from pock_mlir.demo.classification import Classification
from pock_mlir.demo.job import Method
from pock_mlir.optimizers import SGD, Optimizer
from pock_mlir.schemes import Scheme
from tests.runtime.programs import classifier


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Classification:
    """Four classes by the signs of the two numbers whose weights the classifier learns."""
    pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((96, 8)).astype(np.float32)
    y = ((x[:, 2] > 0) + 2 * (x[:, 3] > 0)).astype(np.int32)

    def compile(model: object, inputs: Any, *, optimizer: Optimizer, **options: object) -> Program:
        assert model == "model" and options["loss"] == "cross-entropy"
        assert [tuple(each.shape) for each in inputs] == [(6, 8)]
        settings = {"kind": "momentum", "momentum": 0.9, "lr": optimizer.lr}
        return Program(classifier(optimizer=settings, predicted_bytes={"peak": 1000}))

    monkeypatch.setattr(comparison, "compile_program", compile)
    return Classification(
        title="signs",
        methods=(
            Method("learns", Scheme.load("head"), 0.2),
            Method("sleeps", Scheme.load("head"), 0.0),
        ),
        network=lambda: "model",
        head="head.",
        features=8,
        train=(x[:64], y[:64]),
        test=(x[64:], y[64:]),
        batch=6,
        epochs=6,
        make_optimizer=lambda lr: SGD(lr=lr),
    )


def test_methods_are_compared(job: Classification) -> None:
    assert job.steps == 60
    learns, sleeps = comparison.compare(job, 2, Console(file=StringIO()))
    assert min(learns.scores) > 0.7 > 0.5 > max(sleeps.scores)
    assert len(set(learns.scores)) == 2
    assert learns.trained == sleeps.trained == 4 * 2 + 4
    assert sleeps.scores[0] == sleeps.before == learns.before
    assert learns.measured_bytes > 0 and learns.milliseconds > 0
    assert (learns.predicted_bytes, learns.tokens_per_second) == (1000, 0)


def test_the_start_is_looked_at_once(job: Classification, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Program] = []
    look = comparison._look

    def counted(program: Program, job: Any) -> Any:
        looks.append(program)
        return look(program, job)

    monkeypatch.setattr(comparison, "_look", counted)
    text = replace(job, epochs=1)
    object.__setattr__(text, "tokens", 60)
    learns, sleeps = comparison.compare(text, 1, Console(file=StringIO()))
    assert len(looks) == 1 and learns.before == sleeps.before
    assert learns.tokens_per_second == pytest.approx(60e3 / learns.milliseconds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "chess"}, "unknown demo 'chess'; there is cells, sentiment, shakespeare"),
        ({"data": "mnist"}, "unknown data set 'mnist' for the demo cells; there is elpv, cifar10"),
        ({"name": "sentiment", "data": "elpv"}, "for the demo sentiment; it has one only"),
        ({"seeds": 0}, "seeds and epochs must be at least 1"),
        ({"epochs": 0}, "seeds and epochs must be at least 1"),
    ],
)
def test_demos_that_there_are_not(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        demo.run(**options)  # pyright: ignore[reportArgumentType]


def test_a_run_prints_and_draws(
    job: Classification, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("pock_mlir.demo.cells.job", lambda data="elpv", epochs=None: job)
    console = Console(file=StringIO(), width=160)
    outcomes = demo.run(figure=tmp_path / "f.png", console=console)
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert text.startswith("signs; 60 steps")
    assert all(f"s  {outcome.label}: train\n" in text for outcome in outcomes)
    assert (tmp_path / "f.png").stat().st_size > 1000
