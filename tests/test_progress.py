from io import StringIO

import pytest

pytest.importorskip("rich")

from rich.console import Console

from pock_mlir import progress
from pock_mlir.progress import stages, tracking


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def printed(console: Console) -> str:
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture
def log() -> Console:
    return Console(file=StringIO())


@pytest.fixture
def terminal() -> Console:
    return Console(file=StringIO(), force_terminal=True, width=120)


def test_each_stage_is_a_line_in_a_log(clock: Clock, log: Console) -> None:
    with stages(log, "load") as tell:
        clock.now += 1.5
        tell("import [a]")
    assert printed(log) == "   0.0 s  load\n   1.5 s  import [a]\n"


def test_short_stages_get_a_line_now_and_then(clock: Clock, log: Console) -> None:
    with stages(log, "read", seldom=True) as tell:
        for i in range(25):
            tell(f"read {i}")
            clock.now += 1.0
    assert printed(log) == "  10.0 s  read 10\n  20.0 s  read 20\n"


def test_steps_get_a_line_now_and_then(clock: Clock, log: Console) -> None:
    with tracking(log) as tracker:
        task = tracker.task("compile")
        clock.now += 3.0
        task.stage("train", 25)
        for i in range(25):
            clock.now += 1.0
            task.advance(f"loss {i}")
        tracker.console.print("epoch 1")
    assert printed(log).splitlines() == [
        "   0.0 s  compile",
        "   3.0 s  train",
        "  13.0 s  train  10/25  loss 9",
        "  23.0 s  train  20/25  loss 19",
        "epoch 1",
    ]


def test_steps_that_were_taken_before_are_counted(clock: Clock, log: Console) -> None:
    with tracking(log) as tracker:
        task = tracker.task("train", 30, 20)
        clock.now += progress.PAUSE
        task.advance("loss 1")
    assert printed(log).endswith("train  21/30  loss 1\n")


def test_a_terminal_has_bars(terminal: Console) -> None:
    with tracking(terminal) as tracker:
        task = tracker.task("compile")
        task.stage("train", 3)
        for _ in range(3):
            task.advance("loss 1")
    last = printed(terminal).splitlines()[-2]
    assert "train" in last and "3/3" in last and "loss 1" in last
    assert " s  " not in printed(terminal)


def test_a_terminal_has_a_status(terminal: Console) -> None:
    with stages(terminal, "load") as tell:
        tell("import")
    assert " s  " not in printed(terminal)
