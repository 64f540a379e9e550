from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from pock_mlir.cli.train import Plan
from pock_mlir.runtime import Trainer
from tests.cli.conftest import Pock
from tests.runtime.programs import classifier


def test_a_run_is_the_steps_of_its_plan(
    pock: Pock, program: Path, data: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "k.safetensors"
    words = ("--data", data, "--epochs", 2, "--lr", 0.05, "--checkpoint", checkpoint)
    result = pock("train", program, *words)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("16 steps  test loss ")
    assert "d.npz: 50 training samples, 20 test; steps 0 to 16 on local-task" in result.stderr
    assert "epoch 2/2  loss " in result.stderr
    trainer = Trainer(program)
    with np.load(data) as arrays:
        x, y = arrays["train_x"], arrays["train_y"]
    for rows in Plan(50, 6, 2, 0).indices(0):
        trainer.step(x[rows], y[rows], lr=0.05)
    saved = load_file(checkpoint)
    for name, value in trainer.state_dict().items():
        np.testing.assert_array_equal(saved[name], value)


def test_a_resumed_run_ends_as_one_without_a_break(
    pock: Pock, program: Path, data: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert pock("train", program, "--data", data, "--epochs", 3, "--checkpoint", one).exit_code == 0
    start = ("train", program, "--data", data, "--checkpoint", two)
    assert pock(*start, "--epochs", 1).exit_code == 0
    result = pock(*start, "--epochs", 3, "--resume")
    assert result.exit_code == 0
    assert "steps 8 to 24" in result.stderr
    assert one.read_bytes() == two.read_bytes()
    late = pock(*start, "--epochs", 1, "--resume")
    assert late.exit_code == 1
    assert (
        "two is at step 24, behind the end of --epochs 1, which is step 8: give more" in late.stderr
    )
    assert one.read_bytes() == two.read_bytes()


def test_a_batch_that_is_not_finite_is_named(
    pock: Pock, program: Path, data: Path, tmp_path: Path
) -> None:
    with np.load(data) as arrays:
        given = dict(arrays)
    given["train_x"][3] = np.nan
    np.savez(tmp_path / "nan.npz", **given)
    result = pock("train", program, "--data", tmp_path / "nan.npz")
    assert result.exit_code == 1
    assert "is nan; its batch has values that are not finite" in result.stderr


def test_a_log_has_lines_within_an_epoch(
    pock: Pock, program: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", program, "--data", data, "--epochs", 2)
    quick = pock(*words).stderr.splitlines()
    assert [line.split()[0] for line in quick if " s  " not in line] == ["d.npz:", "epoch", "epoch"]
    monkeypatch.setattr("pock_mlir.progress.PAUSE", 0.0)
    slow = pock(*words).stderr
    assert [f"train  {i}/16  loss " in slow for i in range(1, 18)] == [True] * 16 + [False]


def test_an_interrupted_run_saves_and_resumes(
    pock: Pock, program: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    words = ("train", program, "--data", data, "--epochs", 2, "--checkpoint")
    assert pock(*words, one).exit_code == 0
    step = Trainer.step

    def interrupted(trainer: Trainer, *arrays: np.ndarray, lr: float | None = None) -> float:
        if trainer.steps == 5:
            raise KeyboardInterrupt
        return step(trainer, *arrays, lr=lr)

    monkeypatch.setattr(Trainer, "step", interrupted)
    result = pock(*words, two)
    assert result.exit_code == 130
    assert "interrupted at step 5; continue with --resume" in result.stderr
    monkeypatch.undo()
    assert pock(*words, two, "--resume").exit_code == 0
    assert one.read_bytes() == two.read_bytes()


def test_nothing_on_the_disk_is_lost(pock: Pock, program: Path, data: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "k"
    words = ("train", program, "--data", data, "--checkpoint", checkpoint)
    assert pock(*words).exit_code == 0
    before = checkpoint.read_bytes()
    for extra, message in (
        ((), "k is there already; give --resume to continue, or --overwrite"),
        (("--resume", "--overwrite"), "exclude each other"),
        (("--overwrite", "--lr", "1e30"), "try a lower --lr"),
    ):
        result = pock(*words, *extra)
        assert result.exit_code == 1
        assert message in result.stderr
        assert checkpoint.read_bytes() == before
    for again in ("--overwrite", "--force"):
        assert pock(*words, again).exit_code == 0
        assert checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "--resume and --overwrite need --checkpoint"),
        (["--checkpoint", "none.safetensors", "--resume"], "nothing to resume from: no such file"),
        (["--checkpoint", "none/k.safetensors"], "no such directory: none"),
        (["--limit", "5"], "5 samples do not fill one batch of 6"),
        (["--device", "tpu"], "no device driver 'tpu'"),
    ],
)
def test_options_that_make_no_sense(
    pock: Pock, program: Path, data: Path, words: list[str], message: str
) -> None:
    result = pock("train", program, "--data", data, *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def test_a_checkpoint_of_another_program(
    pock: Pock, program: Path, data: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "k"
    assert pock("train", program, "--data", data, "--checkpoint", checkpoint).exit_code == 0
    before = checkpoint.read_bytes()
    other = classifier()
    optimizer = {"kind": "momentum", "lr": 0.1, "momentum": 0.8}
    manifest = replace(other.manifest, optimizer=optimizer)
    replace(other, manifest=manifest).save(tmp_path / "other.pock")
    words = (tmp_path / "other.pock", "--data", data, "--checkpoint", checkpoint)
    for command in (("train", *words, "--resume"), ("eval", *words)):
        result = pock(*command)
        assert result.exit_code == 1
        assert "does not fit this program: it was saved with the optimizer" in result.stderr
        assert result.stderr.count("\n") == 1
        assert checkpoint.read_bytes() == before


def test_eval(pock: Pock, program: Path, data: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "k"
    pock("train", program, "--data", data, "--checkpoint", checkpoint)
    trainer = Trainer(program)
    before = trainer.evaluate([batch_of(data)])
    trainer.load_checkpoint(checkpoint)
    after = trainer.evaluate([batch_of(data)])
    for words, figures in (((), before), (("--checkpoint", checkpoint), after)):
        result = pock("eval", program, "--data", data, *words)
        assert result.exit_code == 0, result.output
        expected = f"loss {figures['loss']:.4f}  accuracy {figures['accuracy']:.4f}"
        assert result.stdout.startswith(f"{expected}  (20 test samples of d.npz, ")
        assert not result.stderr


def test_eval_says_when_training_samples_are_in_it(
    pock: Pock, program: Path, data: Path, tmp_path: Path
) -> None:
    x, y = batch_of(data)
    np.savez(tmp_path / "one.npz", x=x, y=y)
    words = ("eval", program, "--data", tmp_path / "one.npz")
    result = pock(*words)
    assert "  (all 20 samples of one.npz, " in result.stdout
    assert result.stderr.startswith("note: one.npz has no test split, so all its samples are eval")
    assert result.stderr.count("\n") == 1
    result = pock(*words, "--hold-out", 0.25)
    assert " samples held out of one.npz, " in result.stdout
    assert not result.stderr


def batch_of(data: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(data) as arrays:
        return arrays["test_x"], arrays["test_y"]


def test_a_plan_takes_each_sample_once_an_epoch() -> None:
    steps = list(Plan(20, 6, 2, 7).indices(0))
    assert [len(rows) for rows in steps] == [6] * 6
    for epoch in (steps[:3], steps[3:]):
        assert len(set(np.concatenate(epoch))) == 18
    assert not np.array_equal(steps[0], steps[3])


def test_a_plan_can_begin_anywhere() -> None:
    plan = Plan(20, 6, 3, 7)
    steps = list(plan.indices(0))
    assert len(steps) == plan.steps == 9
    for first in range(11):
        assert list(map(list, plan.indices(first))) == list(map(list, steps[first:]))


def test_what_is_read_is_never_written_over(pock: Pock, program: Path, data: Path) -> None:
    for path in (program, data):
        before = path.read_bytes()
        words = ("--data", data, "--checkpoint", path, "--overwrite")
        result = pock("train", program, *words)
        assert result.exit_code == 1
        assert f"{path} is what is read; give another name" in result.stderr
        assert path.read_bytes() == before
