"""Every target gets a module of the test models; Vulkan's runs, on SwiftShader."""

import platform
import re

import pytest

import pock_mlir as pock
from pock_mlir.runtime import DeviceError, Trainer
from tests.support.swiftshader import require_swiftshader
from tests.support.training import Task, TorchTraining, make_task

OPTIMIZER = pock.SGD(lr=0.01, momentum=0.9)


def task_of(model: str) -> Task:
    options = {"width": 8, "blocks": 2} if model == "residual_cnn" else {}
    return make_task(model, pixels=32, **options)


def build(model: str, target: str, scheme: str = "full") -> pock.Program:
    task = task_of(model)
    return pock.compile(task.model, task.inputs, optimizer=OPTIMIZER, scheme=scheme, target=target)


@pytest.mark.parametrize("model", ["mlp", "residual_cnn"])
def test_cuda_modules(model: str) -> None:
    program = build(model, "cuda-sm_87")
    assert program.manifest.driver == "cuda"
    assert b".target sm_87" in program.artifact.module


_AARCH64 = 183
"""The machine of an ELF file, as its header names it."""


def test_a_module_for_a_raspberry_pi() -> None:
    program = build("residual_cnn", "cortex-a72")
    module = program.artifact.module
    start = module.index(b"\x7fELF")
    assert int.from_bytes(module[start + 18 : start + 20], "little") == _AARCH64
    tiles = re.findall(r"pock.tile = array<i64: \d+, (\d+), \d+>", program.training_module)
    assert tiles and all(int(columns) in (8, 16) for columns in tiles), "vectors of four"
    if platform.machine().lower() not in ("aarch64", "arm64"):
        with pytest.raises(DeviceError, match="cortex-a72"):
            Trainer(program.artifact)


@pytest.mark.acceptance
@pytest.mark.parametrize("target", ["cuda-sm_87", "vulkan-swiftshader"])
@pytest.mark.parametrize("model", ["efficientnet_lite0", "mobilenet_v2"])
def test_modules_of_the_big_models(model: str, target: str) -> None:
    assert build(model, target).artifact.module


def test_ten_steps_on_vulkan(monkeypatch: pytest.MonkeyPatch) -> None:
    require_swiftshader(monkeypatch)
    task = task_of("residual_cnn")
    trainer = Trainer(build("residual_cnn", "vulkan-swiftshader").artifact)
    expected = TorchTraining(task.model, pock.Scheme.load("full"), OPTIMIZER)
    for i, (x, y) in enumerate(task.arrays(10)):
        loss = expected.step(*task.batches[i % len(task.batches)])
        assert trainer.step(x, y) == pytest.approx(loss, rel=1e-4), i
