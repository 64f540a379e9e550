from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

import pock_mlir
from pock_mlir.runtime import Trainer
from pock_mlir.schemes import Scheme
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


@pytest.fixture(scope="module")
def models() -> dict[str, pock_mlir.Program]:
    """Two layers: one with an adapter, and one with none, a slice, or in full."""
    model = nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 4))
    lora = '[[rule]]\nmatch = "0.weight"\nupdate = "lora"\nrank = 2\n'
    mixed = '[[rule]]\nmatch = "1.weight"\nupdate = "slice"\nratio = 0.5\naxis = "in"\n'
    schemes = {"lora": lora, "mixed": f'{lora}{mixed}[[rule]]\nmatch = "*.bias"'}
    sgd, x = pock_mlir.SGD(lr=0.1), torch.zeros(6, 8)
    return {
        name: pock_mlir.compile(model, x, optimizer=sgd, scheme=Scheme.from_toml(text))
        for name, text in schemes.items()
    }


def test_what_peft_files_do_not_have_is_said(
    pock: Pock, models: dict[str, pock_mlir.Program], tmp_path: Path
) -> None:
    said = {}
    for name, program in models.items():
        program.save(tmp_path / f"{name}.pock")
        result = pock("export", tmp_path / f"{name}.pock", "--peft", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        assert "adapter_model.safetensors, adapter_config.json" in result.stdout
        said[name] = result.stderr
    assert said["lora"] == ""
    assert said["mixed"] == (
        "note: trained, but no adapters, and so not in these files: 0.bias, 1.weight, 1.bias; "
        "-o FILE writes all weights\n"
    )


def test_no_adapters(pock: Pock, program: Path, tmp_path: Path) -> None:
    result = pock("export", program, "--peft", tmp_path / "adapter")
    assert result.exit_code == 1
    assert "the program has no adapters" in result.stderr
    assert not (tmp_path / "adapter").exists()


def test_no_file_is_lost(pock: Pock, program: Path, tmp_path: Path) -> None:
    Trainer(program).save_checkpoint(tmp_path / "c.safetensors")
    checkpoint, before = tmp_path / "c.safetensors", program.read_bytes()
    result = pock("export", program, "-o", program, "--force")
    assert result.exit_code == 1
    assert f"{program} is what is read; give another name" in result.stderr
    assert program.read_bytes() == before
    kept = checkpoint.read_bytes()
    result = pock("export", program, "--checkpoint", checkpoint, "-o", checkpoint, "--force")
    assert result.exit_code == 1 and checkpoint.read_bytes() == kept

    other = tmp_path / "w.safetensors"
    other.write_text("mine")
    result = pock("export", program, "-o", other)
    assert result.exit_code == 1
    assert f"{other} is there already; give --force" in result.stderr
    assert other.read_text() == "mine"
    assert pock("export", program, "-o", other, "--force").exit_code == 0
    assert load_file(other)
