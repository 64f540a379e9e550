"""When IREE rejects the tiles that were chosen, a program is compiled without them, and says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pock_mlir as pock
from pock_mlir import api
from pock_mlir.backends.iree.compiler import CompilationError, compile_module


def compile_big(told: list[str]) -> pock.Program:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 16))
    return pock.compile(
        model, torch.zeros(48, 64), optimizer=pock.SGD(lr=0.1), progress=told.append
    )


def test_without_the_tiles(monkeypatch: pytest.MonkeyPatch):
    def reject(text: str, target: object):
        if "lowering_config" in text:
            raise CompilationError("iree-compile failed:\nerror: too large a vector")
        return compile_module(text, target)  # pyright: ignore[reportArgumentType]

    expected = compile_big([])
    assert "pock.tile" in expected.training_module
    monkeypatch.setattr(api, "compile_module", reject)
    told: list[str] = []
    program = compile_big(told)
    assert "compile for cpu without the chosen tiles, which IREE rejects: error: too large" in (
        " ".join(told)
    )
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((48, 64), np.float32), rng.integers(0, 16, 48).astype(np.int32)
    losses = [
        [trainer.step(*batch) for _ in range(3)]
        for trainer in (pock.Trainer(p.artifact, threads=1) for p in (expected, program))
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_who_asks_for_no_progress_is_warned(monkeypatch: pytest.MonkeyPatch):
    def reject(text: str, target: object):
        if "lowering_config" in text:
            raise CompilationError("iree-compile failed:\nerror: too large a vector")
        return compile_module(text, target)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(api, "compile_module", reject)
    model = torch.nn.Linear(64, 64)
    with pytest.warns(RuntimeWarning, match="without the chosen tiles"):
        pock.compile(model, torch.zeros(48, 64), optimizer=pock.SGD(lr=0.1))


def test_a_program_whose_only_kernels_are_depthwise(monkeypatch: pytest.MonkeyPatch):
    """No product is large enough for a tile; the gradients of the convolution have kernels."""

    def reject(text: str, target: object):
        if "lowering_config" in text:
            raise CompilationError("iree-compile failed:\nerror: too large a vector")
        return compile_module(text, target)  # pyright: ignore[reportArgumentType]

    model = torch.nn.Sequential(
        torch.nn.Conv2d(8, 8, 3, groups=8), torch.nn.Flatten(), torch.nn.Linear(128, 3)
    )
    monkeypatch.setattr(api, "compile_module", reject)
    told: list[str] = []
    program = pock.compile(
        model, torch.zeros(1, 8, 6, 6), optimizer=pock.SGD(lr=0.1), progress=told.append
    )
    assert "without the chosen tiles" in " ".join(told)
    assert "pock.tile" not in program.training_module


def test_other_failures_are_errors(monkeypatch: pytest.MonkeyPatch):
    def reject(text: str, target: object):
        raise CompilationError("iree-compile failed:\nerror: no such target")

    monkeypatch.setattr(api, "compile_module", reject)
    with pytest.raises(CompilationError, match="no such target"):
        compile_big([])
