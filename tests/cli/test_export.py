from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from pock_mlir.runtime import Trainer
from tests.cli.conftest import Pock
from tests.runtime.programs import batch


def test_weights_of_a_checkpoint(pock: Pock, program: Path, tmp_path: Path) -> None:
    trainer = Trainer(program)
    trainer.step(*batch(0, 6))
    trainer.save_checkpoint(tmp_path / "c.safetensors")
    result = pock(
        "export",
        program,
        "--checkpoint",
        tmp_path / "c.safetensors",
        "-o",
        tmp_path / "w.safetensors",
    )
    assert result.exit_code == 0, result.stderr
    exported, expected = load_file(tmp_path / "w.safetensors"), trainer.state_dict()
    assert exported.keys() == expected.keys()
    assert all(np.array_equal(exported[name], expected[name]) for name in expected)


def test_nothing_to_write(pock: Pock, program: Path) -> None:
    result = pock("export", program)
    assert result.exit_code == 2
    assert "give -o FILE, --peft FOLDER, or both" in result.stderr


def test_no_adapters(pock: Pock, program: Path, tmp_path: Path) -> None:
    result = pock("export", program, "--peft", tmp_path / "adapter")
    assert result.exit_code == 1
    assert "the program has no adapters" in result.stderr
    assert not (tmp_path / "adapter").exists()
