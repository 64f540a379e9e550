from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pock_mlir.cli.losses import LossName, make_loss
from pock_mlir.losses import BinaryCrossEntropy, CausalLM, CrossEntropy
from pock_mlir.runtime import Trainer

Pock = Callable[..., Any]

TAGGER = """
import torch

def make_with_loss():
    model, x = make()
    return model, x, lambda y, t: (y[..., 0] - t).abs().mean(), torch.zeros(2, 5)

def make():
    torch.manual_seed(0)
    return torch.nn.Linear(8, 3), torch.zeros(2, 5, 8)
"""


def test_options_of_losses() -> None:
    assert make_loss(LossName.CROSS_ENTROPY) == CrossEntropy()
    assert make_loss(
        LossName.CROSS_ENTROPY, class_weights="1,0.5", label_smoothing=0.1, ignore_index=-1, axis=-1
    ) == CrossEntropy([1, 0.5], 0.1, -1, -1)
    assert make_loss(LossName.CAUSAL_LM) == CausalLM(-100)
    assert make_loss(LossName.BINARY_CROSS_ENTROPY, pos_weight="3") == BinaryCrossEntropy([3.0])
    with pytest.raises(ValueError, match="--loss mse has no --ignore-index, --class-axis"):
        make_loss(LossName.MSE, ignore_index=0, axis=2)
    with pytest.raises(ValueError, match="--class-weights must be numbers, as 1,0.5,2; got 'a'"):
        make_loss(LossName.CROSS_ENTROPY, class_weights="a")


def test_a_model_of_tokens_from_compile_to_eval(pock: Pock, tmp_path: Path) -> None:
    (tmp_path / "tagger.py").write_text(TAGGER)
    program = tmp_path / "p.pock"
    words = ["--loss", "cross-entropy", "--class-axis", -1, "--ignore-index", -1, "--lr", 0.1]
    result = pock("compile", f"{tmp_path / 'tagger.py'}:make", *words, "-o", program)
    assert result.exit_code == 0, result.output
    assert "cross-entropy, axis -1, ignore index -1" in pock("inspect", program).stdout
    trainer = Trainer(program, device="local-sync")
    x, labels = np.ones((2, 5, 8), np.float32), np.full((2, 5), -1)
    labels[:, 2:] = 2
    first = trainer.evaluate([(x, labels)])
    for _ in range(3):
        trainer.step(x, labels)
    last = trainer.evaluate([(x, labels)])
    assert last["loss"] < first["loss"]
    assert last["accuracy"] == 1.0
    np.savez(tmp_path / "d.npz", x=np.tile(x, (2, 1, 1)), y=np.tile(labels, (2, 1)))
    result = pock("train", program, "--data", tmp_path / "d.npz")
    assert result.stdout.startswith("2 steps"), result.output
    assert "accuracy" in pock("eval", program, "--data", tmp_path / "d.npz").stdout
    np.savez(tmp_path / "d.npz", x=np.tile(x, (2, 1, 1)), y=np.tile(labels - 1, (2, 1)))
    result = pock("train", program, "--data", tmp_path / "d.npz")
    assert "label -2 is outside the classes 0 to 2 (and not -1, which is ignored)" in result.stderr


def test_a_factory_with_a_loss_of_its_own(pock: Pock, tmp_path: Path) -> None:
    (tmp_path / "tagger.py").write_text(TAGGER)
    model, program = f"{tmp_path / 'tagger.py'}:make_with_loss", tmp_path / "p.pock"
    assert pock("compile", model, "--lr", 0.1, "-o", program).exit_code == 0
    x, y = np.ones((3, 5, 8), np.float32), np.full((3, 5), 9.0, np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    result = pock("eval", program, "--data", tmp_path / "d.npz")
    assert result.stdout.startswith("loss 9."), result.output
    assert pock("train", program, "--data", tmp_path / "d.npz").exit_code == 0
    result = pock("compile", model, "--loss", "mse", "-o", program, "--force")
    assert "gives a loss of its own; leave out --loss" in result.stderr
