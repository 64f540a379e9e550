from pathlib import Path

import numpy as np
import pytest

from pock_mlir.runtime import Trainer
from tests.runtime.programs import Reference, batch, classifier
from tests.support.swiftshader import require_swiftshader


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    require_swiftshader(monkeypatch)
    classifier("vulkan-swiftshader").save(tmp_path / "p.pock")
    return tmp_path / "p.pock"


def test_steps_and_state_on_vulkan(path: Path) -> None:
    trainer, reference = Trainer(path), Reference()
    assert trainer.device == "vulkan"
    for i in range(10):
        assert trainer.step(*batch(i)) == pytest.approx(reference.step(*batch(i)), rel=1e-5)
    weight = trainer.state_dict()["head.weight"]
    np.testing.assert_allclose(weight, reference.weight, rtol=1e-4, atol=1e-6)
    assert trainer.evaluate([batch(99)])["loss"] > 0


def test_a_checkpoint_moves_between_devices(path: Path, tmp_path: Path) -> None:
    trainer = Trainer(path)
    trainer.step(*batch(0))
    trainer.save_checkpoint(tmp_path / "k")
    again, processor = Trainer(path), Trainer(classifier(), device="local-sync")
    again.load_checkpoint(tmp_path / "k")
    processor.load_checkpoint(tmp_path / "k")
    loss = trainer.step(*batch(1))
    assert again.step(*batch(1)) == loss
    assert processor.step(*batch(1)) == pytest.approx(loss, rel=1e-5)
