from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pock_mlir.demo.job import ACCURACY, HELD_OUT_LOSS
from pock_mlir.demo.report import Outcome, print_samples, print_table, save_figure

PLAIN = Outcome("sparse", (0.5, 0.6), 0.25, 1234, 10.0, 3 << 20, 2 << 20)
TEXT = replace(
    PLAIN, scores=(3.5,), before=4.0, tokens_per_second=99.6, samples=("to be", "or not")
)


def printed(*outcomes: Outcome, show: object) -> str:
    console = Console(file=StringIO(), width=160)
    show(list(outcomes), console)  # pyright: ignore[reportCallIssue]
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_table_has_the_columns_that_say_something() -> None:
    text = printed(PLAIN, show=lambda o, c: print_table(o, ACCURACY, c))
    assert "25.0 %" in text and "55.0 % ± 7.1" in text and "1,234" in text
    assert "tokens" not in text
    text = printed(TEXT, show=lambda o, c: print_table(o, HELD_OUT_LOSS, c))
    assert "4.000" in text and "3.500" in text and "100" in text


def test_samples_before_and_after() -> None:
    assert printed(PLAIN, show=print_samples) == ""
    text = printed(TEXT, replace(TEXT, label="LoRA", samples=("to be", "else")), show=print_samples)
    assert text.index("to be") < text.index("after training (sparse)") < text.index("or not")
    assert text.count("to be") == 1 and "else" in text


def test_a_figure_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    save_figure([PLAIN, TEXT, TEXT, TEXT], HELD_OUT_LOSS, "title", tmp_path / "f.png")
    save_figure([PLAIN], ACCURACY, "title", tmp_path / "g.png")
    assert (tmp_path / "f.png").read_bytes()[:4] == (tmp_path / "g.png").read_bytes()[:4]
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
