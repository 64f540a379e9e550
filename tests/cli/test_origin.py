"""What `pock train` notes of its samples: resuming with others, and evaluating on them."""

from pathlib import Path

import numpy as np
import pytest

from pock_mlir.cli.origin import Origin
from pock_mlir.runtime import Trainer
from tests.cli.conftest import Pock
from tests.runtime.programs import batch


@pytest.fixture
def one_split(tmp_path: Path) -> Path:
    """60 samples, none of them for tests."""
    x, y = batch(0, 60)
    np.savez(tmp_path / "one.npz", x=x, y=y)
    return tmp_path / "one.npz"


@pytest.fixture
def checkpoint(pock: Pock, program: Path, one_split: Path, tmp_path: Path) -> Path:
    """Of an epoch over three quarters of these samples."""
    path = tmp_path / "k"
    words = ("--data", one_split, "--hold-out", 0.25, "--seed", 3, "--checkpoint", path)
    result = pock("train", program, *words)
    assert result.exit_code == 0, result.output
    return path


def test_a_checkpoint_says_where_it_comes_from(checkpoint: Path) -> None:
    origin = Origin.read(checkpoint)
    assert origin is not None
    assert str(origin) == f"{origin.samples} samples of one.npz"
    assert 40 < origin.samples < 50
    assert origin.options == "--hold-out 0.25 --split-seed 0 --seed 3"


@pytest.mark.parametrize(
    "words",
    [
        ("--hold-out", 0.25, "--seed", 4),
        ("--hold-out", 0.25, "--split-seed", 1, "--seed", 3),
        ("--hold-out", 0.5, "--seed", 3),
        ("--seed", 3),
    ],
)
def test_a_run_is_resumed_with_its_own_samples(
    pock: Pock, program: Path, one_split: Path, checkpoint: Path, words: tuple[object, ...]
) -> None:
    before = checkpoint.read_bytes()
    start = ("train", program, "--data", one_split, "--checkpoint", checkpoint, "--resume")
    result = pock(*start, "--epochs", 2, *words)
    assert result.exit_code == 1
    assert (
        f"error: {checkpoint} was trained with --hold-out 0.25 --split-seed 0 --seed 3, and would "
        "be resumed with "
    ) in result.stderr
    assert checkpoint.read_bytes() == before
    same = ("--hold-out", 0.25, "--seed", 3)
    result = pock(*start, "--epochs", 2, *same)
    assert result.exit_code == 0
    assert "note: " not in result.stderr


def test_other_data_is_noted(
    pock: Pock, program: Path, data: Path, checkpoint: Path, one_split: Path
) -> None:
    x, y = batch(1, 80)
    np.savez(one_split.with_name("more.npz"), x=x, y=y)
    words = ("--hold-out", 0.25, "--seed", 3, "--checkpoint", checkpoint, "--resume")
    more = one_split.with_name("more.npz")
    result = pock("train", program, "--data", more, "--epochs", 2, *words)
    assert result.exit_code == 0, result.output
    assert "samples of one.npz, and is resumed on " in result.stderr


def test_a_checkpoint_of_another_program_says_nothing(
    pock: Pock, program: Path, one_split: Path, tmp_path: Path
) -> None:
    Trainer(program, device="local-sync").save_checkpoint(tmp_path / "k")
    assert Origin.read(tmp_path / "k") is None
    words = ("--data", one_split, "--checkpoint", tmp_path / "k", "--resume", "--seed", 9)
    assert pock("train", program, *words).exit_code == 0


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ((), True),
        (("--hold-out", 0.5), True),
        (("--hold-out", 0.25, "--split-seed", 1), True),
        (("--hold-out", 0.25), False),
    ],
)
def test_eval_knows_what_the_checkpoint_was_trained_on(
    pock: Pock,
    program: Path,
    one_split: Path,
    checkpoint: Path,
    words: tuple[object, ...],
    seen: bool,
) -> None:
    result = pock("eval", program, "--data", one_split, "--checkpoint", checkpoint, *words)
    assert result.exit_code == 0, result.output
    note = "note: the checkpoint was trained on some of these samples, 4"
    assert result.stderr.startswith(note) if seen else result.stderr == ""
    assert seen == result.stderr.endswith(
        "samples of one.npz with --hold-out 0.25 --split-seed 0\n"
    )


def test_eval_on_other_data_has_nothing_to_say(
    pock: Pock, program: Path, data: Path, checkpoint: Path
) -> None:
    words = ("--data", data, "--checkpoint", checkpoint)
    assert pock("eval", program, *words).stderr == ""
