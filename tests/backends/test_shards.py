"""A batch in shards trains as the whole batch does, with no copies, in the memory predicted."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pock_mlir as pock
from pock_mlir.backends.iree.compiler import allocations
from pock_mlir.backends.iree.queues import called_texts, place_shards
from pock_mlir.pipelines import PipelineFailure
from pock_mlir.report.memory import predict_memory
from pock_mlir.runtime import Trainer, threads
from pock_mlir.runtime.shards import split
from tests.support.training import OPTIMIZERS, Task, make_task

STEPS = 4


BATCH = 4


def make(model: str) -> Task:
    small = {"width": 8, "blocks": 2} if model == "residual_cnn" else {}
    return make_task(model, pixels=16, batch=BATCH, **small)


def compiled(task: Task, shards: int, scheme: str = "full", **options: Any) -> pock.Program:
    """A program that takes the task's batches in that many shards."""
    given = {"optimizer": OPTIMIZERS["momentum"](0.01), **options}
    chosen = task.schemes.get(scheme, scheme)
    rows = task.inputs[: BATCH // shards]
    return pock.compile(task.model, rows, scheme=chosen, shards=shards, **given)


CASES: Mapping[str, tuple[str, int, str, Mapping[str, Any]]] = {
    "two shards": ("residual_cnn", 2, "full", {}),
    "four shards of slices": ("residual_cnn", 4, "channels", {}),
    "adamw": ("mlp", 2, "channels", {"optimizer": pock.AdamW(lr=0.01)}),
    "clipped": ("mlp", 2, "full", {"optimizer": pock.SGD(lr=0.01, clip_norm=0.1)}),
    "accumulated": ("mlp", 2, "full", {"optimizer": pock.SGD(lr=0.01, accumulate=2)}),
    "loss scaling": ("mlp", 2, "full", {"precision": "f16"}),
    "a shard for each sample": ("mlp", 4, "full", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_shards_train_as_the_whole_batch_does(name: str) -> None:
    model, shards, scheme, options = CASES[name]
    task = make(model)
    one, parts = (
        Trainer(compiled(task, count, scheme, **options).artifact, device="local-sync")
        for count in (1, shards)
    )
    assert parts.inputs == one.inputs and parts.batch_size == BATCH
    rtol, atol = (2e-3, 2e-4) if "precision" in options else (1e-4, 1e-5)

    def check(actual: Any, expected: Any, name: str = "") -> None:
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=name)

    for x, y in task.arrays(STEPS):
        check(parts.step(x, y), one.step(x, y))
    expected = one.state_dict()
    for key, value in parts.state_dict().items():
        check(value, expected[key], key)
    x, y = next(task.arrays(1))
    check(parts.predict(x), one.predict(x))
    scores = one.evaluate([(x, y), (x[:3], y[:3])])
    assert parts.evaluate([(x, y), (x[:3], y[:3])]) == pytest.approx(scores, rel=1e-3)


def test_a_loss_of_the_users_is_the_mean_of_the_shards() -> None:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs - targets).square().mean()

    torch.manual_seed(0)
    model, x, y = torch.nn.Linear(4, 2), torch.randn(6, 4), torch.randn(6, 2)
    one, parts = (
        Trainer(
            pock.compile(
                model,
                x[: 6 // shards],
                loss=loss,
                example_targets=y[: 6 // shards],
                optimizer=pock.SGD(lr=0.1),
                shards=shards,
            ).artifact
        )
        for shards in (1, 2)
    )
    for _ in range(STEPS):
        np.testing.assert_allclose(parts.step(x, y), one.step(x, y), rtol=1e-5)
    assert parts.evaluate([(x, y)]) == pytest.approx(one.evaluate([(x, y)]))


def test_memory_is_predicted_and_nothing_is_copied() -> None:
    one, program = (compiled(make("residual_cnn"), shards, "channels") for shards in (1, 2))
    assert one.compiled is not None and program.compiled is not None
    for function in ("train_step", "predict"):
        measured = allocations(program.compiled, function)
        predicted = predict_memory(program.compiled, function)
        assert predicted.transient == pytest.approx(measured.transient, rel=0.1)
        assert measured.variables == predicted.new_weights == 0
        # A max-pool's gradient is put together by a copy, in every shard.
        assert measured.copies == 2 * allocations(one.compiled, function).copies
    queues = set(re.findall(r"@__device_0, \[(\d)\]", program.compiled.stream))
    assert queues == {"1", "2"}
    report: Any = program.manifest.report
    trained = 4 * program.manifest.trained_elements
    assert 2 * trained <= report["gradients"]["shards"] <= 2.2 * trained
    assert report["stages"] < 0.7 * report["dispatches"], "those of one shard, and the updates"


def test_the_work_of_all_shards_is_counted() -> None:
    one, parts = (
        compiled(make("mlp"), shards).manifest.report["phases"]["forward"] for shards in (1, 2)
    )
    assert parts["ops"]["stablehlo.dot_general"] == 2 * one["ops"]["stablehlo.dot_general"]
    assert parts["flops"] == pytest.approx(one["flops"], rel=0.01)


def test_what_assigns_takes_no_shards() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    with pytest.raises(PipelineFailure, match="running_mean another value: no shards in training"):
        pock.compile(model, torch.zeros(4, 4), optimizer=pock.SGD(lr=0.1), training=True, shards=2)


@pytest.mark.parametrize("shards", [0, 5])
def test_there_are_one_to_four_shards(shards: int) -> None:
    model, x = torch.nn.Linear(4, 2), torch.zeros(3, 4)
    with pytest.raises(ValueError, match=f"shards must be 1 to 4, got {shards}"):
        pock.compile(model, x, optimizer=pock.SGD(lr=1), shards=shards)


class TwoAndTwo(torch.nn.Module):
    """Two inputs, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x) + y, self.layer(x * y[:, :1])


def test_several_inputs_and_outputs_and_a_sum(tmp_path: Path) -> None:
    def loss(outputs: tuple[torch.Tensor, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        return ((outputs[0] - targets) * outputs[1]).sum()

    torch.manual_seed(0)
    model, x, y, targets = TwoAndTwo(), torch.randn(6, 4), torch.randn(6, 2), torch.randn(6, 2)
    one, parts = (
        Trainer(
            pock.compile(
                model,
                (x[: 6 // shards], y[: 6 // shards]),
                loss=loss,
                example_targets=targets[: 6 // shards],
                optimizer=pock.SGD(lr=0.01 * shards, momentum=0.9),
                shards=shards,
            ).artifact
        )
        for shards in (1, 2)
    )
    for _ in range(STEPS):  # a sum is that of the shards, divided by their number
        assert 2 * parts.step(x, y, targets) == pytest.approx(one.step(x, y, targets), rel=1e-4)
    for ours, theirs in zip(parts.predict(x, y), one.predict(x, y), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    one.save_checkpoint(tmp_path / "one.safetensors")
    parts.load_checkpoint(tmp_path / "one.safetensors")
    assert 2 * parts.step(x, y, targets) == pytest.approx(one.step(x, y, targets), rel=1e-4)


def test_an_input_without_rows_is_left_whole() -> None:
    scalar, rows = np.float32(1), np.zeros((4, 2))
    assert split([np.asarray(scalar), rows], 1)[1] is rows
    assert [part.shape for part in split([rows], 2)] == [(2, 2), (2, 2)]


def test_each_queue_has_processors_of_its_own() -> None:
    def processors(count: int, shards: int) -> list[list[int]]:
        flags = threads._topologies(range(count), shards)
        queues = [list(map(int, flag.partition("=")[2].split(","))) for flag in flags]
        # IREE's choice of a queue: bits, as a number, modulo the count of queues.
        own = [queues[(1 << k) % len(queues)] for k in range(1, shards + 1)]
        return [queues[(2**64 - 1) % len(queues)], *own]

    assert processors(2, 2) == [[0, 1], [0], [1]]
    assert processors(4, 2) == [[0, 1, 2, 3], [0, 2], [1, 3]]
    assert processors(4, 3) == [[0, 1, 2, 3], [0, 3], [1], [2]]
    assert processors(4, 4) == [[0, 1, 2, 3], [0], [1], [2], [3]]
    assert processors(1, 2) == [[0], [0], [0]]


STREAM = """\
  util.func private @f_shard(%x: !r) -> (!r, !t) {
    %0 = stream.cmd.execute on(#hal.device.affinity<@__device_0>) {
  }
  util.func public @f(%x: !r) -> !r {
    %1:2 = util.call @f_shard(%x) : (!r) -> (!r, !t)
    %2:2 = util.call @f_shard(%x) : (!r) -> (!r, !t)
    %3 = stream.cmd.execute on(#hal.device.affinity<@__device_0>) {
  }
  util.func public @g() {
    %4 = stream.cmd.execute on(#hal.device.affinity<@__device_0>) {
  }
"""


def test_each_call_has_a_queue_of_its_own() -> None:
    placed = place_shards(STREAM)
    queues = re.findall(r"@(\w+)\(%x: .*?(\[\d\])", placed, re.DOTALL)
    assert queues == [("f_shard_1", "[1]"), ("f_shard_2", "[2]"), ("f", "[1]")]
    assert re.findall(r"call @(\w+)", placed) == ["f_shard_1", "f_shard_2"]
    assert placed.count("@__device_0>") == 1, "what has no shards may be in any queue"
    caller = placed[placed.index("public @f(") :].partition("\n  }")[0]
    assert [text.split("(")[0] for text in called_texts(placed, caller)] == [
        "  util.func private @f_shard_1",
        "  util.func private @f_shard_2",
    ]
    assert place_shards(placed.replace("call @", "other @")) == placed.replace("call @", "other @")


TRAIN = """
import sys, warnings
import numpy as np
from pock_mlir.runtime import Trainer, threads
from pock_mlir.runtime.shards import split

rng = np.random.default_rng(0)
x, y = rng.standard_normal((4, 3, 16, 16), np.float32), np.arange(4)
warnings.simplefilter("error" if "queues" in sys.argv else "default")
if "plain first" in sys.argv:
    Trainer(sys.argv[2], device="local-task", threads=2).step(x, y)
sharded = Trainer(sys.argv[1], device="local-task", threads=2)
alone = Trainer(sys.argv[1], device="local-sync")
for _ in range(6):
    assert sharded.step(x, y) == alone.step(x, y)
for name, value in sharded.state_dict().items():
    assert (value == alone.state_dict()[name]).all(), name
plain = Trainer(sys.argv[2], device="local-task")
print(abs(plain.step(x, y) - plain.step(x, y)) > 0)
"""


def test_threads_of_their_own_train_as_one_does(tmp_path: Path) -> None:
    files = [tmp_path / "sharded.pock", tmp_path / "plain.pock"]
    for file, shards in zip(files, (2, 1), strict=True):
        compiled(make("residual_cnn"), shards).save(file)
    for order in ("queues", "plain first"):
        command = [sys.executable, "-c", TRAIN, *map(str, files), order]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
        assert ("1 of the program's 2 shards at a time" in done.stderr) == (order == "plain first")
