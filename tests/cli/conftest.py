from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from pock_mlir.cli import problems
from pock_mlir.cli.app import app
from tests.runtime.programs import batch, classifier

Pock = Callable[..., Result]


@pytest.fixture
def pock() -> Pock:
    """Run the command; its words may be paths."""

    def run(*words: object) -> Result:
        problems.debugging = False
        return CliRunner().invoke(app, [str(word) for word in words], prog_name="pock")

    return run


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A classifier of 8 numbers into 4 classes, in batches of 6."""
    classifier().save(tmp_path / "p.pock")
    return tmp_path / "p.pock"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """50 training and 20 test samples."""
    x, y = batch(0, 70)
    path = tmp_path / "d.npz"
    np.savez(path, train_x=x[:50], train_y=y[:50], test_x=x[50:], test_y=y[50:])
    return path
