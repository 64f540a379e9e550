import builtins
from pathlib import Path
from typing import Any

import pytest

import pock_mlir
from pock_mlir import cli
from pock_mlir.cli import problems
from pock_mlir.cli.app import COMMANDS
from pock_mlir.cli.console import size
from tests.cli.conftest import Pock


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(pock: Pock, command: str) -> None:
    result = pock(command, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    pock {command}" in result.stdout


def test_help_lists_the_commands(pock: Pock) -> None:
    result = pock("--help")
    assert result.exit_code == 0
    assert all(f"\n  {command} " in result.stdout for command in COMMANDS)
    assert "..." not in result.stdout.partition("Commands:")[2]


def test_version(pock: Pock) -> None:
    result = pock("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"pock {pock_mlir.__version__} (IREE runtime ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["comple"], "No such command 'comple'"),
        (["compile"], "Missing argument 'MODEL'"),
        (["compile", "zoo:mlp", "--shceme", "full"], "No such option: --shceme"),
        (
            ["compile", "zoo:mlp", "--loss", "l7"],
            "'l7' is not one of 'cross-entropy', 'causal-lm', ",
        ),
        (["train", "p.pock"], "Missing option '--data'"),
        (
            ["train", "p.pock", "--data", "elpv", "--epochs", "0"],
            "'--epochs': Input should be greater",
        ),
        (["demo", "--data", "mnist"], "'mnist' is not one of 'elpv', 'cifar10'"),
        (["demo", "chess"], "'chess' is not one of 'cells', 'sentiment', 'shakespeare'"),
    ],
)
def test_wrong_usage(pock: Pock, words: list[str], message: str) -> None:
    result = pock(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout


def test_debug_shows_the_exception(pock: Pock) -> None:
    assert isinstance(pock("inspect", "none.pock").exception, SystemExit)
    assert "no such file" in str(pock("--debug", "inspect", "none.pock").exception)


def test_a_defect_is_called_one() -> None:
    text = problems.message(KeyError("x"))
    assert text.startswith("unexpected KeyError: 'x'\nThis is a defect of pock-mlir")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_typer(name: str, *rest: Any, **named: Any) -> Any:
        if name == "pock_mlir.cli.app":
            raise ModuleNotFoundError("No module named 'typer'", name="typer")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_typer)
    with pytest.raises(SystemExit, match=r"needs the package 'typer': pip install"):
        cli.main()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e6, "2.5 MB"), (3e9, "3.00 GB")],
)
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


def test_demo_hands_its_options_on(pock: Pock, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr("pock_mlir.demo.run", lambda *a, **k: calls.append((a, k)))
    assert pock("demo", "--data", "cifar10", "--seeds", 3, "--figure", "f.png").exit_code == 0
    assert pock("demo", "sentiment").exit_code == 0
    others = {"epochs": None, "figure": Path("f.png")}
    first = {"data": "cifar10", "seeds": 3, **others}
    second = {"data": None, "seeds": 1, **others, "figure": Path("demo.png")}
    assert calls == [(("cells",), first), (("sentiment",), second)]
