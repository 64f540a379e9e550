import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pock_mlir.runtime import DeviceError, Trainer
from pock_mlir.runtime.artifact import Artifact
from pock_mlir.runtime.device import driver_for
from tests.runtime.programs import Reference, batch, classifier, regression

DEVICES = ("local-sync", "local-task")
on_each_device = pytest.mark.parametrize("device", DEVICES)


@pytest.fixture
def trainer() -> Trainer:
    return Trainer(classifier(), device="local-sync")


@on_each_device
@pytest.mark.parametrize("from_file", [False, True])
def test_steps_follow_numpy(tmp_path: Path, device: str, from_file: bool) -> None:
    artifact = classifier()
    artifact.save(tmp_path / "p.pock")
    trainer = Trainer(tmp_path / "p.pock" if from_file else artifact, device=device)
    reference = Reference()
    for i in range(20):
        assert trainer.step(*batch(i)) == pytest.approx(reference.step(*batch(i)), rel=1e-5)
    assert trainer.steps == 20
    state = trainer.state_dict()
    np.testing.assert_allclose(state["head.weight"], reference.weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(state["head.bias"], reference.bias, rtol=1e-4, atol=1e-6)
    velocity = trainer.optimizer_state()["head.weight.velocity"]
    np.testing.assert_allclose(velocity, reference.weight_velocity, rtol=1e-4, atol=1e-6)
    x = batch(99)[0]
    np.testing.assert_allclose(trainer.predict(x), reference.predict(x), rtol=1e-4, atol=1e-5)


@on_each_device
def test_equal_initial_values_do_not_share_memory(tmp_path: Path, device: str) -> None:
    """IREE gives globals that start alike one buffer, unless they come from an archive."""
    artifact = classifier()
    ones = {name: np.ones_like(value) for name, value in artifact.parameters.items()}
    replace(artifact, parameters=ones).save(tmp_path / "p.pock")
    trainer, reference = Trainer(tmp_path / "p.pock", device=device), Reference()
    reference.scale, reference.weight, reference.bias = np.ones(8), np.ones((4, 8)), np.ones(4)
    for i in range(5):
        assert trainer.step(*batch(i)) == pytest.approx(reference.step(*batch(i)), rel=1e-5)


@on_each_device
@pytest.mark.parametrize("from_file", [False, True])
def test_a_single_parameter_can_be_written(tmp_path: Path, device: str, from_file: bool) -> None:
    """IREE uses a lone parameter where it lies; in a read-only mapping, a step would crash."""
    artifact = regression()
    artifact.save(tmp_path / "p.pock")
    before = (tmp_path / "p.pock").read_bytes()
    trainer = Trainer(tmp_path / "p.pock" if from_file else artifact, device=device)
    x = np.ones((2, 4))
    losses = [trainer.step(x, 3 * x, lr=0.5) for _ in range(4)]
    assert losses == pytest.approx([4.0, 2.25, 1.265625, 0.711914], rel=1e-5)
    assert (tmp_path / "p.pock").read_bytes() == before
    np.testing.assert_array_equal(artifact.parameters["a"], np.ones(4))


def test_frozen_values_keep_their_bits(trainer: Trainer) -> None:
    before = trainer.state_dict()
    for i in range(20):
        trainer.step(*batch(i))
    after = trainer.state_dict()
    for name in ("scale", "mean"):
        assert after[name].tobytes() == before[name].tobytes()
    frozen_columns = [0, 1, 4, 5, 6, 7]
    assert np.array_equal(
        after["head.weight"][:, frozen_columns], before["head.weight"][:, frozen_columns]
    )
    assert not np.array_equal(after["head.weight"], before["head.weight"])


def test_state_dict_has_the_names_and_layouts_of_the_framework(trainer: Trainer) -> None:
    artifact = classifier()
    state = trainer.state_dict()
    assert list(state) == ["mean", "scale", "head.weight", "tied.weight", "head.bias"]
    np.testing.assert_array_equal(state["head.weight"], artifact.parameters["head.weight"].T)
    np.testing.assert_array_equal(state["tied.weight"], state["head.weight"])
    state["head.weight"][:] = 0  # a copy
    assert trainer.state_dict()["head.weight"].any()


def test_the_learning_rate_can_be_given(trainer: Trainer) -> None:
    weights = trainer.state_dict()["head.weight"]
    trainer.step(*batch(), lr=0)
    np.testing.assert_array_equal(trainer.state_dict()["head.weight"], weights)


def test_a_missing_or_bad_learning_rate_is_an_error(trainer: Trainer) -> None:
    x = np.ones((2, 4), np.float32)
    with pytest.raises(ValueError, match="no default learning rate"):
        Trainer(regression()).step(x, x)
    for rate in (float("nan"), float("inf"), -0.1):
        with pytest.raises(ValueError, match="finite and not negative"):
            trainer.step(*batch(), lr=rate)


def test_evaluate_takes_batches_of_any_length(trainer: Trainer) -> None:
    reference = Reference()
    data = [batch(1), batch(2, 17), batch(3, 1)]
    x, labels = (np.concatenate(arrays) for arrays in zip(*data, strict=True))
    result = trainer.evaluate(data)
    assert result["loss"] == pytest.approx(reference.losses(x, labels).mean(), rel=1e-5)
    assert result["accuracy"] == (reference.predict(x).argmax(1) == labels).mean()
    assert trainer.steps == 0


def test_evaluate_regression() -> None:
    trainer = Trainer(regression())
    x = np.arange(20, dtype=np.float32).reshape(5, 4)
    assert trainer.evaluate([(x, x + 2)]) == {"loss": pytest.approx(4.0)}


def test_evaluate_without_data_is_an_error(trainer: Trainer) -> None:
    for data in ([], [batch(0, 0)]):
        with pytest.raises(ValueError, match="the data is empty"):
            trainer.evaluate(data)


X, LABELS = batch()
WRONG_TYPES: list[tuple[tuple[Any, ...], str, str]] = [
    ((X[:5], LABELS), "'x': expected float32[6, 8], got float32[5, 8]", ""),
    (
        (X[..., None], LABELS),
        "'x': expected float32[6, 8], got float32[6, 8, 1]",
        "'x': expected float32[8] for each sample, got float32[8, 1]",
    ),
    (
        (X, LABELS[:, None]),
        "'targets': expected int32[6], got int32[6, 1]",
        "'targets': expected int32 for each sample, got int32[1]",
    ),
    (
        (X.astype(np.int32), LABELS),
        "'x': expected float32[6, 8], got int32[6, 8]",
        "'x': expected float32[8] for each sample, got int32[8]",
    ),
    (
        (X > 0, LABELS),
        "'x': expected float32[6, 8], got bool[6, 8]",
        "'x': expected float32[8] for each sample, got bool[8]",
    ),
    (
        (X, LABELS.astype(np.float32)),
        "'targets': expected int32[6], got float32[6]",
        "'targets': expected int32 for each sample, got float32",
    ),
    (
        (X, np.array(["a"] * 6)),
        "'targets': expected int32[6], got str32[6]",
        "'targets': expected int32 for each sample, got str32",
    ),
]


@pytest.mark.parametrize(("arrays", "step", "evaluate"), WRONG_TYPES)
def test_shapes_are_those_of_a_batch_or_of_a_sample(
    trainer: Trainer, arrays: tuple[Any, ...], step: str, evaluate: str
) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(step)}$"):
        trainer.step(*arrays)
    if evaluate:
        with pytest.raises(ValueError, match=f"{re.escape(evaluate)}$"):
            trainer.evaluate([arrays])
    assert trainer.steps == 0


BAD: list[tuple[tuple[Any, ...], str]] = [
    ((X,), r"expected 2 arrays \(x float32\[6, 8\], targets int32\[6\]\), got 1"),
    ((X, LABELS, LABELS), "expected 2 arrays .* got 3"),
    ((X.astype(np.complex64), LABELS), r"'x': expected .* got complex64"),
    ((X, LABELS.astype(np.int64) + (1 << 33)), "'targets': values from .* do not fit int32"),
    ((X.astype(np.float64) * 1e300, LABELS), "'x': values are too large for float32"),
    ((X, LABELS + 4), "'targets': label [4-7] is outside the classes 0 to 3"),
    ((X, LABELS - 9), "'targets': label -[0-9] is outside the classes 0 to 3"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_a_wrong_batch_is_one_clear_error(
    trainer: Trainer, arrays: tuple[Any, ...], message: str
) -> None:
    before = trainer.state_dict()
    evaluate: Callable[..., object] = lambda *batch: trainer.evaluate([batch])  # noqa: E731
    for call in (trainer.step, evaluate):
        with pytest.raises(ValueError, match=message):
            call(*arrays)
    assert trainer.steps == 0
    after = trainer.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_predict_checks_its_inputs(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match=r"'x': expected float32\[6, 8\], got float32\[6, 7\]"):
        trainer.predict(X[:, :7])
    with pytest.raises(ValueError, match=r"expected 1 arrays"):
        trainer.predict(X, LABELS)


def test_evaluate_refuses_ragged_batches(trainer: Trainer) -> None:
    with pytest.raises(ValueError, match=r"different lengths \(x: 6, targets: 5\)"):
        trainer.evaluate([(X, LABELS[:5])])


def test_harmless_types_are_cast(trainer: Trainer) -> None:
    wanted = Trainer(classifier(), device="local-sync").step(X, LABELS)
    arrays: list[tuple[Any, Any]] = [
        (X.astype(np.float64), LABELS.astype(np.int64)),
        (X.tolist(), LABELS.tolist()),
        (np.asfortranarray(X), LABELS.astype(np.uint8)),
    ]
    for each in arrays:
        assert Trainer(classifier(), device="local-sync").step(*each) == wanted


def test_memory_is_measured(trainer: Trainer) -> None:
    trainer.step(*batch())
    memory = trainer.memory()
    assert memory["source"] == "device allocator"
    parameters = 4 * (8 + 32 + 4 + 8 + 4)
    assert parameters <= memory["live"] <= memory["peak"] < parameters + 10_000


def test_memory_is_that_of_one_program() -> None:
    first = Trainer(classifier(), device="local-sync")
    first.step(*batch())
    second = Trainer(classifier(), device="local-sync")
    second.step(*batch())
    assert second.memory()["live"] == pytest.approx(first.memory()["live"] // 2, rel=0.3)


def test_memory_of_a_device_that_does_not_count_is_that_of_the_process() -> None:
    memory = Trainer(classifier(), device="local-task").memory()
    assert memory["source"] == "resident set"
    assert memory["peak"] > memory["live"] / 2 > 1_000_000


def test_devices_that_are_not_there() -> None:
    with pytest.raises(DeviceError, match="no device driver 'tpu'; this runtime has: .*local-sync"):
        Trainer(classifier(), device="tpu")
    with pytest.raises(
        DeviceError, match="cannot open the device 'cuda'; it needs an NVIDIA driver"
    ):
        Trainer(classifier(), device="cuda")


def test_a_missing_vulkan_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IREE_HAL_VULKAN_LIBVULKAN_PATH", "/nowhere/libvulkan.so")
    with pytest.raises(DeviceError, match="no such file: /nowhere/libvulkan.so"):
        Trainer(classifier(), device="vulkan")


def test_a_module_that_the_runtime_refuses() -> None:
    with pytest.raises(DeviceError, match="cannot load the module"):
        Trainer(replace(classifier(), module=b"no code"))


def test_threads() -> None:
    assert Trainer(classifier(), threads=1).device == "local-sync"
    with pytest.raises(DeviceError, match="at least 1, got 0"):
        Trainer(classifier(), threads=0)
    with pytest.raises(DeviceError, match="'local-sync' has no number of threads"):
        Trainer(classifier(), threads=2, device="local-sync")


def test_short_steps_are_not_shared() -> None:
    def program(report: dict[str, object]) -> Artifact:
        known = classifier()
        return replace(known, manifest=replace(known.manifest, report=report))

    small = program({"phases": {"forward": {"flops": 10**6}}})
    large = program({"phases": {"forward": {"flops": 6 * 10**7}, "backward": {"flops": 6 * 10**7}}})
    unknown = program({"phases": [1]})
    assert Trainer(small).device == "local-sync"
    assert Trainer(small, device="local-task").device == "local-task"
    assert driver_for("local-task", 2, small.manifest.work) == "local-task"
    assert Trainer(large).device == Trainer(unknown).device == "local-task"


THREADS = """
import os, sys
from pock_mlir.runtime import DeviceError, Trainer
from pock_mlir.runtime.artifact import Artifact

threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
first = Trainer(sys.argv[1], device="local-task", threads=3)
assert threads() - before >= 3, threads()
Trainer(sys.argv[1], device="local-task", threads=3)
Trainer(sys.argv[1], device="local-task")
try:
    Trainer(sys.argv[1], device="local-task", threads=2)
except DeviceError as error:
    print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
def test_the_pool_of_threads_is_sized_once(tmp_path: Path) -> None:
    classifier().save(tmp_path / "p.pock")
    command = [sys.executable, "-c", THREADS, str(tmp_path / "p.pock")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "this process has its pool of threads (3) already; 2 need a new process\n"
